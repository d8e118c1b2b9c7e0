# usage: add NAME DAYS     a new plant, watered today and then every DAYS days

cmd_add() {
    [ $# -eq 2 ] || fail "add needs a name and a number of days"
    name=$1 days=$2
    case $name in
        '' | *'|'*) fail "a plant's name cannot be empty or hold a |" ;;
    esac
    case $days in
        '' | 0 | *[!0-9]*) fail "days have to be a number above 0: $days" ;;
    esac
    has_plant "$name" && fail "$name grows here already"
    { plants; echo "$name|$days|$(today)"; } | save
    echo "🌱 planted $name"
}
