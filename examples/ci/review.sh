# A finding, as JSON, for each greeting that has no full stop.
printf '['
comma=
for file in greetings/*.txt; do
  if [ -e "$file" ] && ! grep -q '\.$' "$file"; then
    printf '%s{"path": "%s", "line": 1, "message": "no full stop", "rule": "stop", "severity": "warning"}' "$comma" "$file"
    comma=,
  fi
done
printf ']\n'
