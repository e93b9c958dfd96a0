#!/usr/bin/env bash
# Guess: espeak-ng -v LANGUAGE+VARIANT speaks with the voice of that variant, or says that it cannot.
# What happens: espeak-ng 1.51 (Debian 1.51+dfsg-10+deb12u2) passes the variant over for en-gb, with exit status 0 and no
#   word: en-gb, en-gb+f2 and en-gb+m3 are the same samples, and those of en. For en, en-us and de variants are heard.
# Why it matters here: speakers of a made set of spoken digits are variants; a quarter of the English clips would have had
#   one voice for all of them.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
version=1.51+dfsg-10+deb12u2
apt-get download -qq "espeak-ng=$version" "libespeak-ng1=$version" "espeak-ng-data=$version" libpcaudio0 libsonic0 2>/dev/null
for package in *.deb; do dpkg-deb -x "$package" root; done
library=$(dirname "$(find root -name 'libespeak-ng.so.1' | head -1)")
data=$(dirname "$(find root -name phontab | head -1)")
said() {
    LD_LIBRARY_PATH=$library ESPEAK_DATA_PATH=$(dirname "$data") root/usr/bin/espeak-ng -v "$1" --stdout three | md5sum | cut -c1-8
}
for voice in en en+f2 en-gb en-gb+f2 en-gb+m3 en-us en-us+f2 de de+f2; do echo "$voice $(said "$voice")"; done | tee found
of() { awk -v voice="$1" '$1 == voice { print $2 }' found; }
for variant in f2 m3; do
    [ "$(of en-gb)" = "$(of "en-gb+$variant")" ] || { echo "en-gb+$variant is a voice of its own now"; exit 1; }
done
for language in en en-us de; do
    [ "$(of "$language")" != "$(of "$language+f2")" ] || { echo "$language+f2 is no voice of its own any more"; exit 1; }
done
