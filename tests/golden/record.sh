#!/bin/sh
# Makes the recordings beside this script: the output of real programs in a pane of 80x24, as bytes.
# Needs vim, htop, less, fzf, vttest, unshare as root, and the agents' command lines.
# Usage: record.sh LOOPMON DIR-WITH-AGENT-CLIS [NAME...]. Agents get no account, no network and a home of their own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
loopmon=$1
clis=$2
shift 2
wanted=${*:-vim htop less fzf vttest claude codex gemini opencode}
# A path that says nothing of the machine, since programs show it.
work=/tmp/work
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work"' EXIT
mkdir "$work/home" "$work/project"
cd "$work/project"
git init -q -b main
for number in $(seq 1 120); do printf '%s: %s words of text, \344\275\240\345\245\275, caf\303\251\n' "$number" "$number"; done >lines.txt
cat >code.c <<'C'
#include <stdio.h>
/* A comment, and "a string". */
int main(void) {
	for (int i = 0; i < 10; i++)
		printf("%d\n", i);
	return 0;
}
C

# What the agents would ask a new user first.
printf '{"hasCompletedOnboarding":true,"theme":"dark","customApiKeyResponses":{"approved":["sk-none"]}}' >"$work/home/.claude.json"
mkdir -p "$work/home/.codex" "$work/home/.gemini"
cat >"$work/home/.codex/config.toml" <<C
model = "none"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "http://127.0.0.1:9/v1"
env_key = "OPENAI_API_KEY"
C
printf '{"security":{"auth":{"selectedType":"gemini-api-key"}},"general":{"disableAutoUpdate":true}}' >"$work/home/.gemini/settings.json"

record() { # name, keys on standard input, program
    name=$1
    shift
    env -i PATH="$clis:$PATH" HOME="$work/home" TERM=xterm-256color COLORTERM=truecolor LANG=C.UTF-8 \
        ANTHROPIC_BASE_URL=http://127.0.0.1:9 ANTHROPIC_API_KEY=sk-none DISABLE_AUTOUPDATER=1 \
        OPENAI_API_KEY=none GEMINI_API_KEY=none GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:9 OPENCODE_DISABLE_AUTOUPDATE=1 \
        "$loopmon" emulate --size 80x24 --record "$here/$name.raw" -- timeout --foreground --signal KILL 24 "$@" >/dev/null 2>&1 || true
    echo "$name: $(wc -c <"$here/$name.raw") bytes"
}
type_keys() { # seconds and keys, in turn
    while [ $# -gt 1 ]; do sleep "$1"; printf -- "$2"; shift 2; done
}

for name in $wanted; do
    case $name in
    vim) type_keys 1 ':set number hlsearch\r' .5 ':syntax on\r' .5 '/printf\r' .5 ':vsplit lines.txt\r' .5 '20G' .5 'Ojust some text\033' .5 'dd3p' .5 '\006' .5 ':split\r' .5 '\027w' .5 'vjjjd' .5 ':q!\r' .5 ':qa!\r' | record vim vim -N -u NONE code.c ;;
    htop) type_keys 2 'jjj' .5 '\033[14~' 1 'q' .5 'q' | record htop unshare --pid --fork --kill-child --mount-proc htop ;;
    less) type_keys 1 ' ' .5 'b' .5 '/90\r' .5 'jjjkk' .5 '-N\r' .5 'G' .5 'q' | record less less lines.txt ;;
    fzf) type_keys 1 '1' .5 '2' .5 '\177' .5 '\033[A' .5 '\033[A' .5 '\t' .5 '\r' | record fzf sh -c 'fzf -m --border --preview "head -20 code.c" <lines.txt' ;;
    vttest) type_keys 1 '1\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '2\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' 1 '\r' | record vttest vttest 24x80.80 ;;
    claude) type_keys 3 '\033[B' .5 '\r' 3 '\r' 2 'hello' 1 '/' 1 '\177' 1 '\003' 1 '\003' | record claude claude ;;
    codex) type_keys 4 '\033[B' 1 '\033[A' 1 '\r' 3 '\003' 1 '\003' | record codex codex ;;
    gemini) type_keys 6 '\033[B' 1 '\r' 3 'hello' 2 '\003' 1 '\003' | record gemini gemini ;;
    opencode) type_keys 6 'hello' 1 '\020' 2 '\033' 1 '\003' 1 '\003' | record opencode opencode ;;
    esac
done
