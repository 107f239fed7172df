# The bot: channels, turn, actions, database. Built from the repository's root.
FROM python:3.12-slim
RUN useradd --create-home --uid 10001 janymda
WORKDIR /app
COPY requirements/app.txt requirements/app.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/app.txt
COPY pyproject.toml README.md ./
COPY bot bot
COPY content content
COPY referrals referrals
COPY locales locales
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && for po in locales/*/LC_MESSAGES/*.po; do pybabel -q compile -i "$po" -o "${po%.po}.mo"; done
USER janymda
CMD ["janymda", "run"]
