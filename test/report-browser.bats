#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Pages in a browser: they show something, complain of nothing, and a click seeks. Chromium without a
# window; skipped where there is none.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
        skip "no chromium here (make deps WITH=browser)"
    cd "$BATS_TEST_TMPDIR" || return
    { echo valence,arousal; awk 'BEGIN { for (i = 0; i < 300; i++) printf "%.3f,%.3f\n", sin(i / 40), cos(i / 25) }'; } >ann.txt
    cp ann.txt bob.txt
    make_predictions --fps 30 --face -o p.h5 ann.txt bob.txt
    make_video v.mp4 64 48 300 30
}
# browse ARGS...: its output; a second try, because browsers fail to start on busy machines
browse() {
    for _ in 1 2; do
        timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars \
            --disable-dev-shm-usage --no-first-run --user-data-dir="$PWD/profile" \
            --enable-logging=stderr --virtual-time-budget=4000 "$@" 2>err && return
    done
    explain "chromium: $(tail -n 3 err)"
}
# complaints: what pages said to the console
complaints() { grep -E 'CONSOLE.*(rror|efused)' err || true; }
# answers PAGE: what a script that acts as a reader found, appended to the page
answers() {
    sed '/^<\/body>/d; /^<\/html>/d' "$1" >acted.html
    {
        echo '<pre id="found"></pre><script>//<![CDATA['
        cat
        echo '//]]></script></body></html>'
    } >>acted.html
    browse --dump-dom "file://$PWD/acted.html" >dom
    [ "$(complaints)" = "" ] || explain "$(complaints)"
    sed -n 's/.*<pre id="found">//; t found; b; :found s/<\/pre>.*//; p; q' dom
}
# Helpers of the acting script.
acting='
    const found = [], say = function (what) { found.push(what); };
    const one = function (what) { return document.querySelector(what); };
    const traces = one("#person-1 svg[data-traces]"), box = traces.getBoundingClientRect();
    const at = function (kind, share) { // of the time that the curves span
        const s = traces.dataset, left = Number(s.left), right = Number(s.right);
        const x = box.left + (left + share * (right - left)) / traces.viewBox.baseVal.width * box.width;
        traces.dispatchEvent(new MouseEvent(kind, { clientX: x, clientY: box.top + 30, bubbles: true }));
    };
    const key = function (target, name) {
        target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
    };
    const tell = function () { one("#found").textContent = found.join("; "); };'

@test "a click on a curve moves the video, and the place is told" {
    va-report --video v.mp4 -o p.html p.h5
    found=$(answers p.html <<<"$acting"'
        const video = one("video");
        say(video.currentTime);
        at("click", 0.5);
        say(video.currentTime.toFixed(2));
        say(one("#person-1 .readout").textContent);
        at("pointermove", 0.001); // a pointer that passes moves no video
        say(video.currentTime.toFixed(2));
        say(one("#person-1 .readout").textContent.slice(0, 7));
        key(traces, "End");
        say(video.currentTime.toFixed(2));
        key(traces, "ArrowLeft");
        say(one("#person-1 .readout").textContent);
        say(traces.getAttribute("role") + " " + traces.tabIndex + " " + traces.getAttribute("aria-valuenow"));
        tell();')
    [ "$found" = "0; 4.97; frame 150, 0:04.97: valence −0.551, arousal +0.948, no face: filled in; 4.97; frame 1; 9.97; frame 299, 0:09.93: valence +0.920, arousal +0.798; slider 0 9.933" ] || explain "$found"
}

@test "tabs: one person is shown; arrows go to the next; without script all are there" {
    va-report -o p.html p.h5
    found=$(answers p.html <<<"$acting"'
        const shown = function () {
            return Array.from(document.querySelectorAll("section[role=tabpanel]")).map(function (s) { return s.hidden ? 0 : 1; }).join("");
        };
        say(shown());
        document.querySelectorAll(".tabs a")[1].click();
        say(shown());
        key(document.querySelectorAll(".tabs a")[1], "ArrowRight");
        say(shown());
        say(one(".tabs").getAttribute("role") + " " + one(".tabs a").getAttribute("aria-selected"));
        at("click", 0.2); // no video to move
        say(one("#person-1 .readout").textContent.slice(0, 8));
        tell();')
    [ "$found" = "10; 01; 10; tablist true; frame 60" ] || explain "$found"
    run ! grep -q ' hidden=' p.html
}

@test "pages and pictures show something, light and dark, on a desk and on a phone" {
    command -v ffmpeg >/dev/null || skip "no ffmpeg to look at pictures"
    va-report --video v.mp4 -o p.html p.h5
    va-plot -o p.svg p.h5
    for page in p.html p.svg; do
        for size in 1200,900 500,900; do
            for scheme in 0 1; do # dark, light
                browse --blink-settings=preferredColorScheme=$scheme --window-size=$size \
                    --screenshot="$PWD/shot.png" "file://$PWD/$page" >/dev/null
                [ "$(complaints)" = "" ] || explain "$(complaints)"
                ffmpeg -v error -y -i shot.png -f rawvideo -pix_fmt gray shot.raw
                greys=$(od -An -v -tu1 -w1 shot.raw | sort -n | uniq -c | sort -rn >greys && wc -l <greys)
                [ "$greys" -gt 40 ] || explain "$page $size $scheme: $greys greys"
                paper=$(awk 'NR == 1 { print $2 }' greys)
                if [ $scheme -eq 0 ]; then [ "$paper" -lt 60 ]; else [ "$paper" -gt 200 ]; fi ||
                    explain "$page $size $scheme: paper is $paper"
            done
        done
    done
}
