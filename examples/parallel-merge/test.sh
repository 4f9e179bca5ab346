# Runs every test in tests/; the reviewer of peal.toml.
for test in tests/*.sh; do
  sh "$test" >/dev/null || { echo "failed: $test"; exit 1; }
done
