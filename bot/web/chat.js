"use strict";
// The chat page. Nothing is kept in the browser: no storage, no history entry, no draft.
(() => {
  const EXIT_TO = "https://www.google.com/search?q=ауа+райы";
  const talk = document.getElementById("talk");
  const form = document.getElementById("write");
  const text = document.getElementById("text");
  let language = (navigator.language || "").startsWith("ru") ? "ru" : "kk";
  let words = null;
  let waiting = Promise.resolve();

  const make = (tag, name, content) => {
    const element = document.createElement(tag);
    element.className = name;
    if (content) element.textContent = content;
    return element;
  };
  const show = (element) => {
    talk.append(element);
    element.scrollIntoView({ block: "end" });
  };

  function name() {
    document.documentElement.lang = language;
    document.title = words[language].chat_title;
    for (const element of document.querySelectorAll("[data-word]"))
      element.textContent = words[language][element.dataset.word];
    text.placeholder = words[language].write_here;
  }

  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // One at a time, in order; the same id on every try, so that nothing is answered twice.
  function send(body) {
    waiting = waiting.then(async () => {
      const message = JSON.stringify({ id: newId(), language, ...body });
      for (let attempt = 0; attempt < 3; attempt += 1) {
        try {
          const response = await fetch("/chat/message", {
            method: "POST", headers: { "Content-Type": "application/json" }, body: message,
          });
          if (response.ok) return receive(await response.json());
          if (response.status < 500) break;
        } catch { /* the line broke: try again */ }
        await new Promise((resolve) => setTimeout(resolve, 600));
      }
      show(make("p", "said", words[language].trouble));
    });
    return waiting;
  }

  function receive(answer) {
    if (answer.hide) talk.replaceChildren();
    for (const old of talk.querySelectorAll(".choices.latest")) old.classList.remove("latest");
    for (const message of answer.messages) {
      if (message.controls.length) follow(message.controls[0]);
      if (message.contact) show(card(message.contact));
      if (message.text) show(make("p", "said", message.text));
      if (message.buttons.length) show(choices(message.buttons));
    }
    if (answer.hide && answer.notice) {
      const notice = make("p", "said quiet", answer.notice);
      show(notice);
      setTimeout(() => notice.remove(), 8000);
    }
  }

  // The page's own words follow the language of the talk, which the names of its controls tell.
  function follow(label) {
    const spoken = Object.keys(words).find((locale) => Object.values(words[locale]).includes(label));
    if (!spoken || spoken === language) return;
    language = spoken;
    name();
  }

  function card(contact) {
    const link = make("a", "card");
    link.href = "tel:" + contact.number;
    link.append(make("b", "", contact.number), make("span", "", contact.name.replace(/^\d+ — /, "")));
    return link;
  }

  function choices(buttons) {
    const row = make("div", "choices latest");
    for (const { label, token } of buttons) {
      const button = make("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => {
        if (!token.startsWith("!")) show(make("p", "said mine", label));
        send({ button: token });
      });
      row.append(button);
    }
    return row;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const written = text.value.trim();
    if (!written) return;
    text.value = "";
    show(make("p", "said mine", written));
    send({ text: written });
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  for (const button of document.querySelectorAll("[data-control]"))
    button.addEventListener("click", () => send({ button: "!" + button.dataset.control }));

  // Quick exit: the talk is gone at once and this page is replaced, so "back" does not return to it.
  function leave() {
    talk.replaceChildren();
    document.body.replaceChildren();
    document.title = "";
    location.replace(EXIT_TO);
  }
  document.getElementById("exit").addEventListener("click", leave);
  addEventListener("keydown", (event) => { if (event.key === "Escape") leave(); });
  // A page that the browser kept must not show the talk again.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  fetch("/chat/labels")
    .then((response) => response.json())
    .then((labels) => {
      words = labels;
      name();
      text.focus();
      send({ command: "start" });
    });
})();
