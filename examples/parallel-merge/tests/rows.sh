sh bells.sh 4 | grep 'rows: 24'
