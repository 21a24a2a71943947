# Two images from one file.
#   cinematch (the default): every layer, and what Spark's executors run. It stands on Spark's own image, so driver,
#     worker and Kubernetes executor have one Spark, one Python and one set of packages.
#   minio: the object store, built from its sources, for its own images can no longer be relied on. It is AGPL and predates
#     the fix of CVE-2025-62506: keep it on loopback, and use a current object store in production.
# Versions agree with pyproject.toml and cinematch/local_stack; tests/unit/deploy holds them together.

FROM golang:1.24.6-bookworm AS minio-build
RUN CGO_ENABLED=0 GOBIN=/out go install -trimpath -ldflags="-s -w" \
    github.com/minio/minio@v0.0.0-20250422221226-0d7408fc9969

FROM alpine:3.22.1 AS minio
COPY --from=minio-build /out/minio /usr/local/bin/minio
RUN adduser -D -u 1000 minio && install -d -o minio -g minio /data
USER 1000
VOLUME /data
EXPOSE 9000 9001
CMD ["minio", "server", "/data", "--address", ":9000", "--console-address", ":9001", "--anonymous"]

FROM ghcr.io/astral-sh/uv:0.12.10 AS uv

FROM apache/spark:4.2.0-scala2.13-java17-python3-ubuntu AS spark

FROM spark AS build
USER root
WORKDIR /build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_INSTALL_DIR=/opt/python
# Spark's image brings Python 3.10; ours is 3.11, for which the packages are locked.
RUN uv venv --managed-python --python 3.11 /opt/cinematch
COPY deploy/requirements.lock deploy/requirements.lock
RUN uv pip install --python /opt/cinematch --require-hashes --requirement deploy/requirements.lock
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY cinematch cinematch
COPY ingestion ingestion
COPY micro_batch micro_batch
COPY speed_layer speed_layer
COPY data_lake data_lake
COPY batch_layer batch_layer
COPY serving_layer serving_layer
RUN uv pip install --python /opt/cinematch --no-deps --build-constraints requirements.lock .
COPY deploy/connectors.py deploy/connectors.py
# PySpark's own copy of Spark goes: SPARK_HOME has the same.
RUN /opt/cinematch/bin/python deploy/connectors.py /opt/connectors \
    && rm -r /opt/cinematch/lib/python3.11/site-packages/pyspark/jars

FROM spark AS cinematch
USER root
COPY --from=build /opt/python /opt/python
COPY --from=build /opt/cinematch /opt/cinematch
COPY --from=build /opt/connectors/ /opt/spark/jars/
RUN install -d -o spark -g spark /var/lib/cinematch/checkpoints
ENV PATH=/opt/cinematch/bin:$PATH \
    PYSPARK_PYTHON=/opt/cinematch/bin/python \
    PYTHONUNBUFFERED=1 \
    CHECKPOINT_DIR=/var/lib/cinematch/checkpoints
# The number of the user `spark`: Kubernetes must see that it is not root.
USER 185
EXPOSE 8000 9100
# The entry point stays Spark's: it runs any command, and `executor` on Kubernetes.
CMD ["cinematch", "api"]
