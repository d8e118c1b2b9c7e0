# The diary: one plant a line, "name|days between waterings|day of the last watering".
# Days are counted from 1970-01-01, so that no command has to understand calendars.

garden_file=${GARDEN_FILE:-$HOME/.garden}

# Today as a day number. Tests set GARDEN_TODAY.
today() {
    echo "${GARDEN_TODAY:-$(($(date +%s) / 86400))}"
}

# All plants, sorted by name; nothing if there is no diary yet.
plants() {
    [ -f "$garden_file" ] || return 0
    sort "$garden_file"
}

has_plant() {
    plants | cut -d'|' -f1 | grep -Fqx -- "$1"
}

# Replaces the diary by standard input, in one step.
save() {
    cat > "$garden_file.new"
    mv "$garden_file.new" "$garden_file"
}

fail() {
    echo "garden: $*" >&2
    exit 1
}
