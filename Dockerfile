# One image: the site, the judge and a CPU build of torch. docs/deploy.md says how to run it, and what holds in it.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends npm
WORKDIR /opt/overfit
RUN python -m venv .venv && .venv/bin/pip install -q --no-cache-dir uv
# torch before the rest: the largest layer changes least
COPY requirements.lock constraints-torch.txt ./
COPY scripts/install-torch scripts/
COPY sandbox sandbox
RUN .venv/bin/uv pip install -q --python .venv/bin/python -c requirements.lock numpy && sh scripts/install-torch .venv
COPY pyproject.toml README.md LICENSE ./
COPY app app
# the lock as constraints: what the site needs, at the versions that are tested, and no test tools
RUN .venv/bin/uv pip install -q --compile-bytecode --python .venv/bin/python -c requirements.lock -e .
COPY . .
# a copy of the browser's libraries, hashes verified; without it pages take them from the CDN
RUN .venv/bin/overfit assets && .venv/bin/python -m compileall -q app sandbox

FROM python:3.13-slim
# A number without a name: nobody's files are this user's.
RUN mkdir --mode=700 /data && chown 10001:10001 /data
COPY --from=build /opt/overfit /opt/overfit
ENV PATH=/opt/overfit/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    OVERFIT_DATA=/data \
    OVERFIT_HOST=0.0.0.0 \
    OVERFIT_HOSTS=localhost \
    OVERFIT_LOG=json
WORKDIR /opt/overfit
USER 10001:10001
EXPOSE 8000
CMD ["overfit", "serve"]
