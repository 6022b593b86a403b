# docker build -t mocksrv . && docker run -p 8484:8484 mocksrv [serve OPTIONS | demo | ...]
# /data is the folder that it runs in: for mocksrv.yaml, scenarios, and the file of --database.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements /src/requirements
RUN python -m venv /venv \
    && /venv/bin/pip install --no-deps --require-hashes -r /src/requirements/run.txt \
    && pip install --no-deps --require-hashes -r /src/requirements/build.txt
COPY . /src
RUN pip wheel --no-deps --no-build-isolation -w /dist /src && /venv/bin/pip install --no-deps /dist/*.whl

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PATH=/venv/bin:$PATH MOCKSRV_HOST=0.0.0.0 MOCKSRV_CONTROL_FROM=private
COPY --from=build /venv /venv
COPY docker/health.py /health.py
RUN useradd --uid 10001 --create-home mocksrv && install -d -o 10001 /data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8484
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["python", "/health.py"]
ENTRYPOINT ["mocksrv"]
CMD ["serve"]
