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
  const loadedAt = performance.now();
  let shownAt = loadedAt;
  let failures = 0;
  let timer = 0;

  const showTimeLeft = () => {
    const clock = document.querySelector('[data-left-s]');
    if (!clock) return;
    const left = Math.max(0, Math.ceil(Number(clock.dataset.leftS) - (performance.now() - shownAt) / 1000));
    const two = (value) => String(value).padStart(2, '0');
    const rest = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    const text = left >= 3600 ? `${Math.floor(left / 3600)}:${rest}` : rest;
    if (clock.textContent !== text) clock.textContent = text;
  };

  /** Replaces the changed part and says what it is now, also to those who cannot see it. */
  const showNews = async () => {
    const answer = await fetch(location.pathname, { cache: 'no-store' });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.getElementById('cashier');
    if (!answer.ok || !next) throw new Error('unreadable page');
    document.title = page.title;
    cashier().replaceWith(document.adoptNode(next));
    shownAt = performance.now();
    announcer.textContent = next.querySelector('h1')?.textContent ?? '';
    // The shop is told by the gateway; this only takes the buyer back to it.
    if (next.dataset.returnUrl) setTimeout(() => location.assign(next.dataset.returnUrl), 1500);
  };

  const look = async () => {
    try {
      const answer = await fetch(cashier().dataset.stateUrl, { cache: 'no-store' });
      if (!answer.ok) throw new Error(`state ${answer.status}`);
      const { stage } = await answer.json();
      if (stage !== cashier().dataset.stage) await showNews();
      failures = 0;
    } catch {
      failures += 1;
    }
    plan();
  };

  const plan = () => {
    clearTimeout(timer);
    const every = Number(cashier()?.dataset.pollMs ?? 0);
    // Out of sight nobody waits for news, and behind a dead network it helps nobody to ask faster.
    if (every > 0 && !document.hidden) timer = setTimeout(look, Math.min(every * 2 ** Math.min(failures, 4), 30_000));
  };

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && Number(cashier()?.dataset.pollMs ?? 0) > 0) look();
  });
  setInterval(showTimeLeft, 1000);
  plan();
})();
