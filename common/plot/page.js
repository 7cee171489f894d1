// What a page does beyond being read: tabs, a line that follows the pointer, seeking in the video.
(function () {
    "use strict";
    const SVG = "http://www.w3.org/2000/svg";
    const video = document.querySelector("video");
    const people = [];

    // ---- the numbers of a person -------------------------------------------------------------
    function sums(differences) { // of thousandths
        let sum = 0;
        return differences.map(function (d) { sum += d; return sum / 1000; });
    }
    function numbers(section) {
        const data = JSON.parse(section.querySelector(".frames").textContent);
        return {
            every: data.every, timed: data.timed, face: data.face,
            time: sums(data.time), valence: sums(data.valence), arousal: sums(data.arousal)
        };
    }
    // The last of the ascending times that is not after t.
    function indexAt(time, t) {
        let low = 0, high = time.length - 1;
        while (high > low) {
            const middle = Math.ceil((low + high) / 2);
            if (time[middle] > t) high = middle - 1; else low = middle;
        }
        return low;
    }
    function signed(x) { return (0 > x ? "−" : "+") + Math.abs(x).toFixed(3); }
    function clock(t) {
        const minutes = Math.floor(t / 60), seconds = t - 60 * minutes;
        return minutes + ":" + (10 > seconds ? "0" : "") + seconds.toFixed(2);
    }
    function told(n, i) {
        const place = "frame " + (i * n.every + 1) + (n.timed ? ", " + clock(n.time[i]) : "");
        return place + ": valence " + signed(n.valence[i]) + ", arousal " + signed(n.arousal[i]) +
            (n.face[i] === "0" ? ", no face: filled in" : "");
    }

    // ---- the place in its pictures -----------------------------------------------------------
    function draw(parent, name, attributes) {
        const element = document.createElementNS(SVG, name);
        Object.keys(attributes).forEach(function (k) { element.setAttribute(k, attributes[k]); });
        parent.appendChild(element);
        return element;
    }
    function Person(section) {
        this.section = section;
        this.traces = section.querySelector("svg[data-traces]");
        this.plane = section.querySelector("svg[data-plane]");
        this.readout = section.querySelector(".readout");
        this.n = numbers(section);
        this.i = 0;
        const box = this.traces.viewBox.baseVal, s = this.traces.dataset;
        this.left = Number(s.left); this.right = Number(s.right);
        this.from = Number(s.from); this.to = Number(s.to);
        this.now = draw(this.traces, "line", { "class": "va-now", y1: 20, y2: box.height - 34, x1: -9, x2: -9 });
        this.dot = draw(this.plane, "circle", { "class": "va-dot", r: 5, cx: -99, cy: -99 });
    }
    Person.prototype.show = function (i) {
        const n = this.n, p = this.plane.dataset;
        if (n.time.length === 0) return;
        this.i = i = Math.max(0, Math.min(n.time.length - 1, i));
        const share = this.to > this.from ? (n.time[i] - this.from) / (this.to - this.from) : 0.5;
        const x = this.left + share * (this.right - this.left);
        const across = (n.valence[i] + 1) / 2, up = (n.arousal[i] + 1) / 2;
        this.now.setAttribute("x1", x);
        this.now.setAttribute("x2", x);
        this.dot.setAttribute("cx", Number(p.left) + across * (Number(p.right) - Number(p.left)));
        this.dot.setAttribute("cy", Number(p.low) + up * (Number(p.high) - Number(p.low)));
        this.readout.textContent = told(n, i);
        this.traces.setAttribute("aria-valuenow", n.time[i].toFixed(3));
        this.traces.setAttribute("aria-valuetext", this.readout.textContent);
    };
    // The frame below the pointer.
    Person.prototype.under = function (event) {
        const box = this.traces.getBoundingClientRect();
        const x = (event.clientX - box.left) / box.width * this.traces.viewBox.baseVal.width;
        const share = Math.max(0, Math.min(1, (x - this.left) / (this.right - this.left)));
        return indexAt(this.n.time, this.from + share * (this.to - this.from));
    };
    Person.prototype.seek = function (i) {
        this.show(i);
        if (video && this.n.timed) video.currentTime = Math.max(0, this.n.time[this.i]);
    };
    // Without a pointer on it, the place is that of the video.
    Person.prototype.follow = function () {
        if (video && this.n.timed) this.show(indexAt(this.n.time, video.currentTime + 0.0005));
    };
    const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -100, PageDown: 100, Home: -1e12, End: 1e12 };
    Person.prototype.listen = function () {
        const me = this, svg = this.traces;
        svg.setAttribute("tabindex", "0");
        svg.setAttribute("role", "slider");
        svg.setAttribute("aria-label", "place in time");
        svg.setAttribute("aria-valuemin", this.from);
        svg.setAttribute("aria-valuemax", this.to);
        svg.addEventListener("pointermove", function (e) { me.show(me.under(e)); });
        svg.addEventListener("pointerleave", function () { me.follow(); });
        svg.addEventListener("click", function (e) { me.seek(me.under(e)); });
        svg.addEventListener("keydown", function (e) {
            if (STEPS[e.key] === undefined) return;
            e.preventDefault();
            me.seek(me.i + STEPS[e.key]);
        });
        if (video) video.addEventListener("timeupdate", function () { me.follow(); });
    };

    // ---- tabs ----------------------------------------------------------------------------------
    function select(tabs, chosen, focus) {
        tabs.forEach(function (tab) {
            const on = tab === chosen;
            tab.setAttribute("aria-selected", on ? "true" : "false");
            tab.tabIndex = on ? 0 : -1;
            document.querySelector(tab.getAttribute("href")).hidden = !on;
        });
        if (focus) chosen.focus();
    }
    function makeTabs(nav) {
        const tabs = Array.from(nav.querySelectorAll("a"));
        nav.setAttribute("role", "tablist");
        tabs.forEach(function (tab, k) {
            const section = document.querySelector(tab.getAttribute("href"));
            tab.id = "tab-" + (k + 1);
            tab.setAttribute("role", "tab");
            tab.setAttribute("aria-controls", section.id);
            section.setAttribute("role", "tabpanel");
            section.setAttribute("aria-labelledby", tab.id);
            tab.addEventListener("click", function (e) { e.preventDefault(); select(tabs, tab, false); });
            tab.addEventListener("keydown", function (e) {
                const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
                if (e.key === " ") select(tabs, tab, true);
                else if (step) select(tabs, tabs[(k + step + tabs.length) % tabs.length], true);
                else return;
                e.preventDefault();
            });
        });
        const asked = tabs.filter(function (tab) { return tab.getAttribute("href") === location.hash; });
        select(tabs, asked[0] || tabs[0], false);
    }

    document.querySelectorAll("section").forEach(function (section) {
        if (!section.querySelector(".frames")) return;
        const person = new Person(section);
        people.push(person);
        person.listen();
    });
    document.querySelectorAll(".tabs").forEach(makeTabs);
    if (people.length) document.body.classList.add("seeks");
    function trouble() {
        document.querySelector(".trouble").hidden = false;
    }
    if (video) video.addEventListener("error", trouble);
    if (video) video.addEventListener("loadedmetadata", function () {
        if (!video.videoWidth) trouble(); // its sound alone is played
    });
}());
