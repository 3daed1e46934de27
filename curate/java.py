"""Java for Spark: find 17 or newer, or install one (`python -m curate.java`, which `make` runs)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = 17


def find() -> str | None:
    """The home of a usable Java: JAVA_HOME, the one on the path, or one in a usual place."""
    places = [Path.home() / ".jdk", Path("/usr/lib/jvm"), Path("/Library/Java/JavaVirtualMachines")]
    installed = [home for place in places if place.is_dir() for home in sorted(place.iterdir(), reverse=True)]
    on_path = shutil.which("java")
    homes = [os.environ.get("JAVA_HOME"), Path(on_path).resolve().parent.parent if on_path else None, *installed]
    candidates = [home for base in homes if base for home in (Path(base), Path(base, "Contents", "Home"))]
    return next((str(home) for home in candidates if version(home) >= NEEDED), None)


def version(home: Path) -> int:
    """The major version of the Java at `home`; 0 where there is none."""
    try:
        answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60)
        return int(answer.stderr.split('"')[1].split(".")[0])
    except (OSError, IndexError, ValueError, subprocess.TimeoutExpired):
        return 0


def install() -> None:
    """Debian's package where we may, else a download into ~/.jdk."""
    if os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "openjdk-17-jre-headless"]
        if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0:
            return
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "install-jdk"], check=True)
    subprocess.run([sys.executable, "-c", f"import jdk; jdk.install('{NEEDED}', jre=True)"], check=True)


def main() -> None:
    """Say which Java will run Spark; install one where there is none."""
    if find() is None:
        print(f"no Java {NEEDED} or newer found: installing one", flush=True)
        install()
    home = find()
    if home is None:
        sys.exit(f"Spark needs Java {NEEDED} or newer, and none could be installed: install one, or set JAVA_HOME")
    print(f"Java {version(Path(home))} at {home}")


if __name__ == "__main__":
    main()
