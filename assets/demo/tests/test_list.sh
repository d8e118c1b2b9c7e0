check "list of an empty garden is empty" "" "$(garden list)"
garden add basil 2 > /dev/null
garden add aloe 14 > /dev/null
check "list is sorted by name" "aloe
basil" "$(garden list | cut -d' ' -f1)"
