"""The Spark session: local[*] by default; under spark-submit its own settings come first."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from curate import java
from curate.recipe import Recipe, RecipeError

OUR_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
    # several tasks may die with a bad machine; a bad record never kills one
    "spark.task.maxFailures": "4",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.ansi.enabled": "false",
    # task results are accounting rows; the default broadcast limit is enough for cutoff tables
    "spark.python.worker.reuse": "true",
}
# Ten times the JVM's thresholds: a run is short, and optimising code that is hardly hot costs more than it saves. A small
# run takes a third less CPU, clusters of a million signatures 15 % less.
_LATER_C2 = (
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000"
    " -XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
)
LOCAL_SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.driver.extraJavaOptions": f"-XX:+UseParallelGC {_LATER_C2}",
}


def session(recipe: Recipe) -> SparkSession:
    """Start Spark, or join the session that spark-submit prepared. Raises RecipeError where there is no usable Java.

    What the JVM and the workers print goes to `log_file()`, so that the terminal holds progress and results alone.
    """
    builder = SparkSession.builder.appName("multicurate")
    master = recipe.spark.master or "local[*]"
    started = submitted() or SparkSession.getActiveSession()
    ours = OUR_SETTINGS if started or not master.startswith("local") else OUR_SETTINGS | LOCAL_SETTINGS
    for key, value in {**ours, **recipe.spark.conf}.items():
        builder = builder.config(key, value)
    if started:
        return builder.getOrCreate()
    _use_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = builder.master(master).config("spark.driver.memory", recipe.spark.driver_memory)
    with _stderr_to(log_file()):
        return builder.getOrCreate()


def submitted() -> bool:
    """Whether spark-submit started us."""
    return "SPARK_ENV_LOADED" in os.environ or "PYSPARK_GATEWAY_PORT" in os.environ


def log_file() -> Path:
    """Spark's own log of this process."""
    return Path(tempfile.gettempdir(), f"multicurate-spark-{os.getpid()}.log")


@contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """A process started inside keeps writing there; ours gets its stderr back."""
    sys.stderr.flush()
    ours = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)


def _use_java() -> None:
    home = java.find()
    if home is None:
        raise RecipeError(
            f"Spark needs Java {java.NEEDED} or newer, and none was found; `make java` installs one, or set JAVA_HOME"
        )
    os.environ["JAVA_HOME"] = home


def jvm_path(path: str) -> str:
    """The path as Hadoop names it: s3 is s3a there; a bare path is local, whatever the cluster's default is."""
    if "://" not in path:
        return f"file://{Path(path).absolute()}"
    return path.replace("s3://", "s3a://", 1)


def read_parquet(spark: SparkSession, path: str, schema: str | None = None) -> DataFrame:
    """One folder or file, by its very name: Spark takes brackets and stars in a path for a pattern.

    schema: DDL, where there may be no file to infer it from.
    """
    reader = spark.read.schema(schema) if schema else spark.read
    return reader.parquet(re.sub(r"([\[\]{}*?\\])", r"\\\1", jvm_path(path)))
