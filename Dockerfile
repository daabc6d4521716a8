# The operator's image: the pinned dependencies and our packages in one virtual environment, run by nobody.
# This repository's CI has no Docker engine and does not build it; see docs/install.md.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/tandem
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY crds crds
COPY kube kube
COPY scalers scalers
COPY eventscaler eventscaler
COPY nodescaler nodescaler
COPY tandem tandem
RUN PIP_CONSTRAINT=constraints.txt pip --python /opt/tandem/bin/python install --no-cache-dir --only-binary=:all: .

FROM python:3.11-slim
RUN pip uninstall --yes wheel setuptools pip
COPY --from=build /opt/tandem /opt/tandem
USER 65532:65532
ENV PYTHONUNBUFFERED=1
EXPOSE 8080 9443
ENTRYPOINT ["/opt/tandem/bin/tandem"]
CMD ["run"]
