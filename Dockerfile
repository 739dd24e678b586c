# The gateway, without anything that only development needs. Build: docker build -t switchyard .
# Node of the image: the version that package.json brings for development.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package needs its install script: better-sqlite3 brings its binary, and what would be built has no compiler here.
RUN npm ci --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
# MALLOC_ARENA_MAX, as in `npm start`: threads share what they free.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    ADMIN_HOST=0.0.0.0
WORKDIR /app
# /data: the only place that the gateway writes to. /rendered: for the one-shot that writes Alertmanager's configuration.
RUN install -d -o node -g node -m 0700 /data && install -d -o node -g node -m 0755 /rendered
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY config config
COPY --chmod=0755 deploy/with-secrets.sh deploy/with-secrets.sh
COPY channels channels
COPY src src
# The status page shows them.
COPY grafana/runbooks grafana/runbooks
# The image's user `node`, as a number, so that it can be told from root without looking it up.
USER 1000
EXPOSE 8080
VOLUME /data
STOPSIGNAL SIGTERM
# Whether the process is up; asks neither the store nor the providers.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.ADMIN_PORT || 8081) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The program handles SIGTERM and SIGINT itself and starts no other process, so it can be process 1.
ENTRYPOINT ["/app/deploy/with-secrets.sh"]
# As `npm start`, without npm between the signals and the program.
CMD ["node", "--max-semi-space-size=16", "--no-parallel-scavenge", "--heap-growing-percent=30", "--liftoff-only", "src/cli.ts", "start"]
