# Facts about a ring of bells: sh bells.sh NUMBER

rows() {
  product=1
  bell=1
  while [ "$bell" -le "$1" ]; do
    product=$((product * bell))
    bell=$((bell + 1))
  done
  echo "$product"
}

number="$1"

echo "bells: $number"
echo "rows: $(rows "$number")"
