// Keeps the progress of runs up to date, and loads the page again when one has ended.
// Without this file the page loads itself again every few seconds.
"use strict";
(() => {
    const EVERY = 700;

    async function look(box) {
        let found;
        try {
            const answer = await fetch(box.dataset.progress, {
                headers: {Accept: "application/json"},
                credentials: "same-origin",
                redirect: "manual",
            });
            if (answer.type === "opaqueredirect" || answer.status === 403) {
                window.location.reload(); // signed out by the restore: the page asks to sign in and comes back
                return;
            }
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            found = await answer.json();
        } catch {
            window.setTimeout(look, EVERY * 3, box); // the server or its database is busy
            return;
        }
        if (found.ended) {
            window.location.reload();
            return;
        }
        const text = box.querySelector("[data-progress-text]");
        if (text.textContent !== found.text) {
            text.textContent = found.text;
        }
        box.querySelector("[data-progress-subject]").textContent = found.subject;
        const bar = box.querySelector("progress");
        if (found.percent === null) {
            bar.removeAttribute("value");
        } else {
            bar.value = found.percent;
        }
        window.setTimeout(look, EVERY, box);
    }

    document.querySelectorAll("[data-progress]").forEach((box) => window.setTimeout(look, EVERY, box));
})();
