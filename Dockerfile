# The dashboard. It is also an MLflow server's image, artifacts in S3 included
# (`python -m pipeline.tracking.mlflow_server …`).
# Context: the repository's root.
FROM python:3.11-slim
RUN useradd --uid 1000 --home-dir /tmp --no-create-home slipway \
    && install -d -m 1777 /data /state
WORKDIR /app
COPY requirements-dashboard.txt requirements.txt
# pip.conf and ca.pem are the builder's own package settings, there for this line only.
RUN --mount=type=secret,id=pip.conf,required=false --mount=type=secret,id=ca.pem,required=false \
    PIP_CONFIG_FILE=/run/secrets/pip.conf \
    pip install --no-cache-dir --no-deps -r requirements.txt

# A home that any uid may write to, and a name for uids that have none.
ENV HOME=/tmp LOGNAME=slipway PYTHONUNBUFFERED=1 SLIPWAY_VOLUME=/data SLIPWAY_STATE=/state
COPY .streamlit .streamlit
COPY configs/sample configs/sample
COPY pipeline pipeline
COPY step_images step_images
COPY dashboard dashboard
COPY tools/slipway tools/slipway
ARG CODE_VERSION
# A checkout may be its owner's alone. And buildah's cache sees an argument's new value in a RUN only.
RUN chmod -R a+rX . && ln -s /app/tools/slipway /usr/local/bin/slipway && : "$CODE_VERSION"
ENV SLIPWAY_CODE_VERSION=$CODE_VERSION
USER 1000
EXPOSE 8501
CMD ["python", "-m", "pipeline.serve", "--host", "0.0.0.0", "--port", "8501"]
