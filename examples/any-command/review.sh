# Every line is a sentence: it ends in a full stop.
if grep -n '[^.]$' visitors.txt; then
  exit 1
fi
