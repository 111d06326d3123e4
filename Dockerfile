# Poisonscope's dashboard in a container.
#   docker build -t poisonscope .
#   docker run --rm -p 8501:8501 -v poisonscope:/data poisonscope               then open http://localhost:8501
#   docker run --rm -p 8501:8501 -v poisonscope:/data --gpus all poisonscope    the same, on the GPU
# Whatever follows the image's name goes to Streamlit: `--server.allowedHosts=lab.example.org` answers under that name instead.
FROM python:3.11-slim-bookworm

# tini is process 1: it passes signals on and buries the workers' children. Its version is not pinned, because Debian removes
# old ones from its mirrors and a pinned one soon could not be built.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/poisonscope

# Dependencies first: a changed line of code does not fetch PyTorch again. The registry's build of it carries CUDA.
COPY requirements.txt constraints.txt ./
RUN grep -v '^-e ' requirements.txt > /tmp/dependencies.txt \
    && pip install --no-cache-dir -r /tmp/dependencies.txt -c constraints.txt \
    && rm /tmp/dependencies.txt

COPY . .
RUN pip install --no-cache-dir --no-deps -e . \
    && useradd --uid 1000 --create-home poisonscope \
    && install --directory --owner=poisonscope --group=poisonscope /data

USER 1000
ENV POISONSCOPE_HOME=/data \
    PYTHONUNBUFFERED=1 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /data
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

# browser.serverAddress keeps Streamlit from asking the internet for the machine's public address.
ENTRYPOINT ["tini", "--", "python", "-m", "streamlit", "run", "app/main.py", \
            "--server.address=0.0.0.0", "--server.port=8501", "--browser.serverAddress=localhost"]
