# Every page is listed, and every listed page is there and has no line twice.
for page in $(cat site/pages.txt); do
  test -s "site/$page.txt" || { echo "site/$page.txt is listed, and not there"; exit 1; }
  test -z "$(sort "site/$page.txt" | uniq -d)" || { echo "site/$page.txt says something twice"; exit 1; }
done
for file in site/*.txt; do
  page="$(basename "$file" .txt)"
  test "$page" = pages || grep -qx "$page" site/pages.txt || { echo "$file is not listed"; exit 1; }
done
echo "$(wc -l <site/pages.txt | tr -d ' ') pages, all listed"
