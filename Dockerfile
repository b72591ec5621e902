# The emulator as an image: docker build -t iothub-emulator .
# Every step is a script that quickstart and CI run too; scripts/check-image checks this file without an engine.

FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/setup scripts/
RUN scripts/setup --portal
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY schemas schemas
COPY protocol protocol
COPY storage storage
COPY emulator emulator
COPY portal portal
COPY scripts/build scripts/
RUN scripts/build release iothub-emulator -DIOTHUB_BUILD_TESTS=OFF
RUN cmake --install build/release --prefix /staging/usr/local --strip

# The tutorial's apps with Microsoft's SDKs, for the compose profile of that name.
FROM debian:12-slim AS tutorial
WORKDIR /src
COPY scripts/setup scripts/venv scripts/
RUN scripts/setup --examples
COPY examples/python examples/python
RUN scripts/venv /opt/venv examples/python/requirements.txt
USER 65534:65534
CMD ["/opt/venv/bin/python", "examples/python/run_tutorial.py"]

FROM debian:12-slim AS hub
WORKDIR /src
COPY scripts/setup scripts/
RUN scripts/setup --runtime
RUN useradd --system --uid 10001 --home-dir /data hub
# The CA's folder may be read by all, so that clients can be given the CA file through the volume; its key is 0600.
RUN install -d -o hub -g hub -m 0755 /data /data/ca
# Seeds are mounted here; empty: none.
RUN install -d -m 0755 /seed
COPY --from=build /staging/usr/local /usr/local
# Without root: Docker lets containers bind 443 (net.ipv4.ip_unprivileged_port_start=0). An engine that does not needs that
# sysctl; a capability on the file instead would make the binary fail to start where all capabilities are dropped.
USER hub
WORKDIR /data
VOLUME /data
# Inside a container all addresses are its own; what reaches them is decided by the ports that are published.
ENV IOTHUB_EMULATOR_LISTEN=0.0.0.0 \
    IOTHUB_EMULATOR_DATA=/data/hub \
    IOTHUB_EMULATOR_CA_DIR=/data/ca \
    IOTHUB_EMULATOR_SEED=/seed
EXPOSE 443 8883 5671 5672 8890
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=5 CMD ["iothub-emulator", "health"]
ENTRYPOINT ["iothub-emulator"]
CMD ["serve"]
