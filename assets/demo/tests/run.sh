#!/bin/sh
# Runs every tests/test_*.sh in a garden of its own. Prints ok and FAIL lines; exits with 1 if anything failed.
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0

# check WHAT EXPECTED ACTUAL
check() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        printf '%s\n' "$2" | sed 's/^/        expected: /'
        printf '%s\n' "$3" | sed 's/^/        got:      /'
    fi
}

garden() {
    sh ./garden "$@" 2>&1
}

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
for file in tests/test_*.sh; do
    GARDEN_FILE=$scratch/$(basename "$file" .sh)
    GARDEN_TODAY=20000
    export GARDEN_FILE GARDEN_TODAY
    . "./$file"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
