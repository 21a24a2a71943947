"""`python -m deploy.jar_lock`: write cinematch/local_stack/jars.lock anew; `make lock` runs it. Needs the network.

The Ivy inside pyspark resolves the artifacts. It gets settings of its own, with Maven Central only: its default chain
looks into `~/.m2` first, which may be half-filled, and into repositories that may be unreachable.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Final

from cinematch.errors import CineMatchError
from cinematch.local_stack.jars import KAFKA, KAFKA_ARTIFACTS, LOCK, SPARK, SPARK_ARTIFACTS, Artifact, LockedJar
from cinematch.local_stack.prerequisites import find_java
from cinematch.local_stack.program_run import run_program

RESOLVE_TIMEOUT_SECONDS: Final = 900
SPARK_EXCLUSIONS: Final = (
    ("software.amazon.awssdk", "bundle"),
    ("org.apache.hadoop", "hadoop-client-api"),
    ("org.apache.hadoop", "hadoop-client-runtime"),
)
PATTERN: Final = "[organisation]~[artifact]~[revision].[ext]"
IVY_SETTINGS: Final = """\
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""
IVY_MODULE: Final = Template("""\
<ivy-module version="2.0">
  <info organisation="cinematch" module="jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies defaultconf="default->default">
$dependencies
  </dependencies>
</ivy-module>
""")


def main() -> None:
    """Resolve both lists, and write the lock."""
    java = find_java()
    spark = unshadowed(resolved(java, SPARK_ARTIFACTS, SPARK_EXCLUSIONS), shipped_by_spark())
    kafka = resolved(java, KAFKA_ARTIFACTS)
    lines = [_line(SPARK, jar) for jar in spark] + [_line(KAFKA, jar) for jar in kafka]
    LOCK.write_text("\n".join(lines) + "\n")


def unshadowed(jars: Iterable[LockedJar], shipped: Iterable[str]) -> list[LockedJar]:
    """Leave out each jar whose artifact, of whatever version, Spark ships itself: Spark's own wins."""
    own = set(shipped)
    return [jar for jar in jars if jar.artifact.name not in own]


def shipped_by_spark() -> set[str]:
    """Name the artifacts, of whatever version, that are in pyspark."""
    return {re.split(r"-\d+\.", jar.stem, maxsplit=1)[0] for jar in _pyspark_jars().glob("*.jar")}


def resolved(java: Path, artifacts: Iterable[Artifact], exclusions: Iterable[tuple[str, str]] = ()) -> list[LockedJar]:
    """Give `artifacts` and all that they need, by coordinates.

    Raises CineMatchError: with Ivy's own words when one cannot be had, or when it takes too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        workshop, target = Path(folder), Path(folder) / "jars"
        (workshop / "settings.xml").write_text(IVY_SETTINGS)
        (workshop / "ivy.xml").write_text(_module(artifacts, exclusions))
        command = [str(java), "-jar", str(_ivy()), "-confs", "default"]
        command += ["-settings", str(workshop / "settings.xml"), "-ivy", str(workshop / "ivy.xml")]
        command += ["-cache", str(workshop / "ivy"), "-retrieve", f"{target}/{PATTERN}"]
        too_slow = CineMatchError(
            f"the jars were not resolved in {RESOLVE_TIMEOUT_SECONDS} s: repeat the command when the network is faster"
        )
        run = run_program(command, RESOLVE_TIMEOUT_SECONDS, too_slow)
        if run.returncode != 0:
            complaints = [line.strip() for line in run.stdout.splitlines() if "not found" in line or "ERROR" in line]
            detail = "; ".join(complaints[:5]) or run.stderr.strip()[-500:] or run.stdout.strip()[-500:]
            raise CineMatchError(f"the jars cannot be resolved: {detail}")
        return sorted(map(_locked, target.glob("*.jar")))


def _locked(jar: Path) -> LockedJar:
    return LockedJar(Artifact(*jar.name.removesuffix(".jar").split("~")), hashlib.sha256(jar.read_bytes()).hexdigest())


def _line(title: str, jar: LockedJar) -> str:
    return f"{title} {':'.join(jar.artifact)} {jar.digest}"


def _module(artifacts: Iterable[Artifact], exclusions: Iterable[tuple[str, str]]) -> str:
    lines = [f'    <dependency org="{a.group}" name="{a.name}" rev="{a.version}"/>' for a in artifacts]
    lines += [f'    <exclude org="{group}" module="{name}"/>' for group, name in exclusions]
    return IVY_MODULE.substitute(dependencies="\n".join(lines))


def _pyspark_jars() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise CineMatchError("pyspark is not installed in this environment: run `make setup`")
    return Path(spec.origin).parent / "jars"


def _ivy() -> Path:
    found = sorted(_pyspark_jars().glob("ivy-*.jar"))
    if not found:
        raise CineMatchError(f"there is no Ivy in {_pyspark_jars()}")
    return found[-1]


if __name__ == "__main__":
    main()
