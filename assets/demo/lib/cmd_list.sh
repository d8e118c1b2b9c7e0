# usage: list              every plant and how often it wants water

cmd_list() {
    now=$(today)
    plants | while IFS='|' read -r name days last; do
        printf '%-12s every %s days\n' "$name" "$days"
    done
}
