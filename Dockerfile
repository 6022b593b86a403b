FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

COPY . /src
RUN pip install /src
RUN useradd --uid 10001 --create-home mocksrv

USER 10001
WORKDIR /home/mocksrv
EXPOSE 8484

HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8484/_mocksrv/health', timeout=2)"]

CMD ["mocksrv", "serve", "--host", "0.0.0.0", "--control-from", "private"]
