// The page works without this script; with it, the page follows the payment without being loaded again.
(() => {
  const announcer = document.getElementById('announcer');
  const providerForm = document.querySelector('#provider-form form');
  if (providerForm instanceof HTMLFormElement) {
    // A field named "submit" would hide the form's own method.
    const post = () => HTMLFormElement.prototype.submit.call(providerForm);
    document.getElementById('provider-go')?.addEventListener('click', post);
    post();
    return;
  }

  const cashier = () => document.getElementById('cashier');
  const data = () => cashier()?.dataset ?? {};
  const pollMs = () => Number(data().pollMs ?? 0);
  // A stream that is silent for so long is held back by something in between: then the page asks by itself.
  const SILENT_MS = 5000;
  const STREAM_AGAIN_MS = 60_000;
  let shownAt = performance.now();
  let leftS = null;
  let failures = 0;
  let timer = 0;
  let source = null;
  let heard = false;
  let looking = false;

  /** What is left by the server's clock; ours only measures how long ago the server said so. */
  const secondsLeft = () => {
    const said = leftS ?? Number(document.querySelector('[data-left-s]')?.dataset.leftS ?? 0);
    return Math.max(0, Math.ceil(said - (performance.now() - shownAt) / 1000));
  };

  const showTimeLeft = () => {
    const clock = document.querySelector('[data-left-s]');
    if (!clock) return;
    const left = secondsLeft();
    const two = (value) => String(value).padStart(2, '0');
    const rest = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    const text = left >= 3600 ? `${Math.floor(left / 3600)}:${rest}` : rest;
    if (clock.textContent === text) return;
    clock.textContent = text;
    if (left === 0) look();
  };

  /** Replaces the changed part and says what it is now, also to those who cannot see it. */
  const showNews = async () => {
    const answer = await fetch(data().self, { cache: 'no-store' });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.getElementById('cashier');
    if (!answer.ok || !next) throw new Error('unreadable page');
    const hadFocus = cashier().contains(document.activeElement);
    document.title = page.title;
    cashier().replaceWith(document.adoptNode(next));
    shownAt = performance.now();
    leftS = null;
    const title = next.querySelector('h1');
    // Whoever was inside the part that has gone goes on where it begins now.
    if (hadFocus) title?.focus();
    const words = [title, next.querySelector('.notice')].map((part) => part?.textContent ?? '');
    announcer.textContent = words.join(' ').trim();
    prepare();
    // The shop is told by the gateway; this only takes the buyer back to it.
    if (next.dataset.returnUrl) setTimeout(() => location.assign(next.dataset.returnUrl), 1500);
  };

  const take = async (state) => {
    leftS = state.left_s;
    shownAt = performance.now();
    if (state.stage !== data().stage) await showNews();
  };

  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const answer = await fetch(data().stateUrl, { cache: 'no-store' });
      if (!answer.ok) throw new Error(`state ${answer.status}`);
      await take(await answer.json());
      failures = 0;
    } catch {
      failures += 1;
    }
    looking = false;
    plan();
  };

  const plan = () => {
    clearTimeout(timer);
    const every = pollMs();
    const isTold = heard && source?.readyState === EventSource.OPEN;
    // Out of sight nobody waits for news, and behind a dead network it helps nobody to ask faster.
    if (every === 0 || document.hidden || isTold) return;
    timer = setTimeout(look, Math.min(every * 2 ** Math.min(failures, 4), 30_000));
  };

  const stopListening = () => {
    source?.close();
    source = null;
    heard = false;
  };

  /** The server tells of changes by itself. Where it cannot, `plan` keeps asking. */
  const listen = () => {
    stopListening();
    if (pollMs() === 0 || document.hidden || !window.EventSource || !data().eventsUrl) return;
    const mine = new EventSource(data().eventsUrl);
    source = mine;
    mine.onmessage = async (message) => {
      heard = true;
      clearTimeout(timer);
      await take(JSON.parse(message.data)).catch(look);
      if (pollMs() === 0) stopListening();
    };
    mine.onerror = () => {
      heard = false;
      plan();
      if (mine.readyState === EventSource.CLOSED && source === mine)
        setTimeout(() => source === mine && listen(), STREAM_AGAIN_MS);
    };
    setTimeout(() => source === mine && !heard && plan(), SILENT_MS);
  };

  /** One click is enough, and it is seen to have been taken. */
  const onSubmit = (event) => {
    const form = event.target;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = 'yes';
    const button = event.submitter;
    button?.classList.add('waiting');
    button?.setAttribute('aria-busy', 'true');
    announcer.textContent = form.dataset.busy ?? '';
  };

  const onCopy = async (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
      announcer.textContent = button.dataset.copied;
    } catch {
      // The text beside the button can be marked by hand.
      button.hidden = true;
    }
  };

  const prepare = () => {
    for (const button of document.querySelectorAll('[data-copy]')) button.hidden = !navigator.clipboard;
  };

  const wake = () => {
    if (document.hidden) return stopListening();
    if (pollMs() === 0) return;
    look();
    listen();
  };

  document.addEventListener('visibilitychange', wake);
  // Back from the provider's page, the browser may show this page as it was left.
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
    for (const button of document.querySelectorAll('.waiting')) {
      button.classList.remove('waiting');
      button.removeAttribute('aria-busy');
    }
    wake();
  });
  window.addEventListener('pagehide', stopListening);
  document.addEventListener('submit', onSubmit);
  document.addEventListener('click', onCopy);

  const go = data().go;
  // What the buyer has just done is not said again, nor done again, when the page is loaded anew.
  if (location.search && data().self) history.replaceState(null, '', data().self);
  if (go) location.assign(go);
  prepare();
  setInterval(showTimeLeft, 1000);
  plan();
  listen();
})();
