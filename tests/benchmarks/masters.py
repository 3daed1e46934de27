"""The same input on local[1], local[2], local-cluster and a standalone master with two workers: the same rows.

    python -m tests.benchmarks.masters

The standalone cluster runs on loopback, takes the environment as an archive (env.tar.gz, `make env-archive`) and has no
PYTHONPATH. Limit: equal rows and content hashes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pyspark

from curate import java

ROOT = Path(__file__).resolve().parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
SAMPLES = ROOT / "tests" / "samples"
PORT = 17077


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        runs = {}
        for master in ("local[1]", "local[2]", "local-cluster[2,1,2048]"):
            output = Path(scratch, master)
            call([sys.executable, "-m", "curate.cli", *arguments(output), "--set", f"spark.master={master}"])
            runs[master] = output
        runs["standalone"] = Path(scratch, "standalone")
        with standalone(Path(scratch)) as url:
            submit(url, runs["standalone"], Path(scratch))
        contents = {name: content(output) for name, output in runs.items()}
        hashes = {json.loads((output / "manifest.json").read_text())["content_hash"] for output in runs.values()}
    first = contents["local[1]"]
    figures = {name: {"rows": found.total(), "equal": found == first} for name, found in contents.items()}
    print(json.dumps({"benchmark": "masters", **figures, "content_hashes": len(hashes)}))


def arguments(output: Path) -> list[str]:
    """The sample crawl cut into some thirty tasks."""
    blocklist = f"urls.blocklist=['{SAMPLES / 'blocklist'}']"
    crawl = str(SAMPLES / "crawl" / "*.warc.gz")
    return ["run", "demo", "-i", crawl, "-o", str(output), "--set", blocklist, "--set", "limits.split_bytes=16384"]


def call(command: list[str], **options: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYSPARK", "SPARK"))}
    return kept | {"JAVA_HOME": java.find() or "", "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1"}


@contextmanager
def standalone(scratch: Path):
    """A master and two one-core workers on loopback."""
    classes = ["deploy.master.Master --host 127.0.0.1 --port 17077 --webui-port 17080"]
    worker = "deploy.worker.Worker --host 127.0.0.1 --cores 1 --memory 3g --work-dir {}/work{} spark://127.0.0.1:17077"
    classes += [worker.format(scratch, n) for n in (1, 2)]
    processes = []
    try:
        for line in classes:
            command = [str(SPARK_HOME / "bin" / "spark-class"), *f"org.apache.spark.{line}".split()]
            processes.append(
                subprocess.Popen(
                    command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scratch
                )
            )
            time.sleep(4)
        yield f"spark://127.0.0.1:{PORT}"
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def submit(master: str, output: Path, scratch: Path) -> None:
    """As README says for a cluster: the archive is the only Python environment the executors have."""
    archive = ROOT / "env.tar.gz"
    if not archive.exists():
        sys.exit("no env.tar.gz: run `make env-archive` first")
    here = scratch / "driver"
    here.mkdir()
    shutil.unpack_archive(archive, here / "env")
    shutil.copytree(ROOT / "curate" / "submit", here / "submit")
    command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", master, "--archives", f"{archive}#env"]
    command += ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.executor.memory=1g"]
    settings = environment() | {
        "PYSPARK_PYTHON": "./env/bin/python",
        "PYSPARK_DRIVER_PYTHON": str(here / "env" / "bin" / "python"),
    }
    call([*command, str(here / "submit" / "main.py"), *arguments(output)], env=settings)


def content(output: Path) -> Counter:
    """What a run wrote, whatever the order and the files."""
    found: Counter = Counter()
    for part, columns in (("kept", ["id", "text"]), ("dropped", ["id", "reason"]), ("failed", ["file", "error"])):
        for path in (output / part).glob("**/*.parquet"):
            table = pq.ParquetFile(path).read(columns)
            found.update((part, *row.values()) for row in table.to_pylist())
    return found


if __name__ == "__main__":
    main()
