"""The Spark session of a layer: jars, addresses, time zone, memory and the object store, set in one place.

Guaranteed: everything that this process opens listens on SPARK_DRIVER_HOST (loopback by default), times are UTC, and
on a master that is not local the executors get the jars, our packages, and the authorities that MONGODB_CA_FILE and
S3_CA_FILE name. Secrets are set after the start, so they appear in no command line. Not guaranteed: that workers have
the third-party packages installed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from cinematch.errors import ConfigurationError
from cinematch.settings import Settings
from cinematch.spark.package_archive import write_package_archive
from cinematch.spark.trust_store import ca_files, trust_options, write_trust_store

KERNEL: Final = "cinematch"
HIDDEN_CONFIGURATION: Final = "(?i)secret|password|passwd|token|access[.]?key"
HIDDEN_OPTIONS: Final = "(?i)ur[il]|password|jaas"
"""Options of data sources that plans and the UI must not show: MongoDB's address and Kafka's login carry a password."""
CHECKPOINT_FILES: Final = "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
"""The usual one starts a program (`readlink`) for each look at a local file: 16 a micro-batch, for 50 ms of it. What is
left is a `chmod` for each file that is written."""
ARROW_BATCH_BYTES: Final = str(16 * 1024 * 1024)
"""Python workers get rows in batches of this size at most: ten thousand oversized records must not fill the memory."""


def create_spark_session(settings: Settings, app_name: str) -> SparkSession:
    """Start Spark in this process, or take the session that runs, with the object store that `settings` name.

    `app_name` is the package of the layer (`micro_batch`): it and the kernel are shipped to the executors of a master
    that is not local. Raises ConfigurationError when the folder of jars holds none.
    """
    _choose_address_and_python(settings)
    builder = SparkSession.Builder().master(settings.spark_master_url).appName(app_name)
    for key, value in _configuration(settings).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    for key, value in _s3_configuration(settings).items():
        spark.conf.set(key, value)
    if not is_local(settings.spark_master_url):
        _ship_packages(spark, app_name)
    return spark


def is_local(master_url: str) -> bool:
    """Say whether the executors live inside the driver."""
    return master_url == "local" or master_url.startswith("local[")


def _choose_address_and_python(settings: Settings) -> None:
    """The JVM reads these two from its environment only: where its UI binds, and which Python its workers are."""
    os.environ.setdefault("SPARK_LOCAL_IP", settings.spark_driver_host)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def _configuration(settings: Settings) -> dict[str, str]:
    return {
        **_jars(settings),
        **_java_options(settings),
        "spark.driver.bindAddress": settings.spark_driver_host,
        "spark.driver.host": settings.spark_driver_host,
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.executor.memory": settings.spark_executor_memory,
        "spark.log.level": "WARN",
        "spark.redaction.regex": HIDDEN_CONFIGURATION,
        "spark.sql.execution.arrow.maxBytesPerBatch": ARROW_BATCH_BYTES,
        "spark.sql.redaction.options.regex": HIDDEN_OPTIONS,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.streaming.checkpointFileManagerClass": CHECKPOINT_FILES,
        "spark.sql.streaming.minBatchesToRetain": str(settings.checkpoint_batches_kept),
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.ui.killEnabled": "false",  # the page asks nobody who they are
        "spark.ui.port": str(settings.spark_ui_port),
        "spark.ui.showConsoleProgress": "false",
    }


def _jars(settings: Settings) -> dict[str, str]:
    """Without a folder, the jars are on Spark's class path already (spark-submit, an image that has them)."""
    folder = settings.spark_jars_dir
    if folder is None:
        return {}
    jars = sorted(str(jar) for jar in folder.resolve().glob("*.jar"))
    if not jars:
        raise ConfigurationError(f"SPARK_JARS_DIR: {folder} holds no jars; `cinematch setup` fetches them")
    if is_local(settings.spark_master_url):
        return {"spark.driver.extraClassPath": os.pathsep.join(jars)}  # nothing to ship, so no copies either
    return {"spark.jars": ",".join(jars)}


def _java_options(settings: Settings) -> dict[str, str]:
    """Give the options of driver and executors, with the trust store that the authorities' certificates need."""
    options, files = settings.spark_driver_java_options, ca_files(settings)
    if not files:
        return {"spark.driver.extraJavaOptions": options} if options else {}
    folder = Path(tempfile.mkdtemp(prefix="cinematch-trust-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = folder / "trust.p12"
    write_trust_store(files, store)
    driver = {"spark.driver.extraJavaOptions": f"{options} {trust_options(store)}".strip()}
    if is_local(settings.spark_master_url):
        return driver
    # Executors fetch the file into the folder in which they run, before their first task looks for it there.
    return driver | {"spark.files": str(store), "spark.executor.extraJavaOptions": trust_options(store.name)}


def _s3_configuration(settings: Settings) -> dict[str, str]:
    return {
        "fs.s3a.access.key": settings.s3_access_key_id.get_secret_value(),
        "fs.s3a.connection.ssl.enabled": str(settings.s3_endpoint_url.startswith("https:")).lower(),
        "fs.s3a.endpoint": settings.s3_endpoint_url,
        "fs.s3a.endpoint.region": settings.s3_region,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.secret.key": settings.s3_secret_access_key.get_secret_value(),
    }


def _ship_packages(spark: SparkSession, layer: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cinematch-packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # executors may ask for it as long as we live
    packages = dict.fromkeys((KERNEL, layer))
    spark.sparkContext.addPyFile(str(write_package_archive(packages, folder / f"{layer}.zip")))
