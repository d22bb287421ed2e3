// Shows what is new as it arrives: the page works without this script.
"use strict";

const status = document.getElementById("live");
let isBusy = false;
let isStale = false;

async function refresh() {
  if (isBusy) {
    isStale = true;
    return;
  }
  isBusy = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } finally {
    isBusy = false;
    if (isStale) {
      isStale = false;
      setTimeout(refresh, 300);
    }
  }
}

function replace(fresh) {
  const open = Array.from(document.querySelectorAll("details[id]"), (one) => [one.id, one.open]);
  const focused = document.activeElement && document.activeElement.id;
  for (const name of ["main", "footer"]) {
    const old = document.querySelector(name);
    const found = fresh.querySelector(name);
    if (old && found && old.innerHTML !== found.innerHTML) {
      old.replaceWith(document.adoptNode(found));
    }
  }
  for (const [id, isOpen] of open) {
    const one = document.getElementById(id);
    if (one) {
      one.open = isOpen;
    }
  }
  if (focused && document.getElementById(focused)) {
    document.getElementById(focused).focus({ preventScroll: true });
  }
}

if (window.EventSource) {
  const events = new EventSource("/-/events");
  events.onopen = () => {
    status.textContent = "Live";
    refresh();
  };
  events.onmessage = refresh;
  events.onerror = () => {
    status.textContent = "Not connected";
  };
}
