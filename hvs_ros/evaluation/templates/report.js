'use strict';
// Everything a model or a file wrote goes into the page as text nodes, never as markup.
(function () {
  const SVG = 'http://www.w3.org/2000/svg';
  const SHAPES = new Set(['rect', 'line', 'circle', 'polyline', 'text']);
  const ATTRIBUTES = new Set(['class', 'x', 'y', 'x1', 'y1', 'x2', 'y2', 'cx', 'cy', 'r', 'rx',
    'width', 'height', 'points']);
  const PRINTED = 60;
  const assets = document.body.dataset.assets;
  // Known beforehand, so that nothing moves when a picture is decoded.
  const aspect = document.body.dataset.view.split('x').map(Number);
  const cards = Array.from(document.querySelectorAll('article.card'));
  const list = document.getElementById('cards');
  const form = document.getElementById('filters');
  const count = document.getElementById('shown');
  const wanted = new Map();

  function element(name, classes, text) {
    const made = document.createElement(name);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = visible(text);
    return made;
  }

  // Control characters become pictures of themselves, as everywhere in the page.
  function visible(text) {
    return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (letter) =>
      letter === '\u007f' ? '\u2421' : String.fromCharCode(0x2400 + letter.charCodeAt(0)));
  }

  function block(name) {
    const found = document.getElementById(name);
    return found ? JSON.parse(found.textContent) : null;
  }

  function address(picture) {
    return picture.startsWith('#') ? block(picture.slice(1)) : picture;
  }

  // An episode's parts, from the page itself or from a script beside it.
  function fetchStory(number, then) {
    if (!assets) {
      const story = block('story-' + number);
      if (story) then(story, block('views-' + number));
      return;
    }
    wanted.set(number, then);
    const script = document.createElement('script');
    script.src = assets + '/stories/' + number + '.js';
    script.onerror = () => then(null, null);
    document.head.appendChild(script);
  }

  if (assets) {
    window.hvsStory = (number, story) => {
      const then = wanted.get(number);
      wanted.delete(number);
      if (then) then(story, story.turns.map((_, place) =>
        assets + '/views/' + number + '-' + place + '.jpg'));
    };
  }

  function fill(card) {
    const body = card.querySelector('.body');
    if (!body || body.dataset.filled) return;
    body.dataset.filled = 'yes';
    fetchStory(Number(card.dataset.number), (story, views) => {
      if (!story) {
        body.append(element('p', 'small soft', 'The file beside this page is not there.'));
        return;
      }
      if (views && card.dataset.pictured) body.append(strip(story.turns, views));
      story.drawings.forEach((drawing) => body.append(draw(drawing)));
      if (story.turns.length) body.append(transcript(story.turns));
    });
  }

  function strip(turns, views) {
    const row = element('div', 'strip');
    turns.forEach((turn, place) => {
      const figure = element('figure'), image = element('img'), caption = element('figcaption');
      image.alt = 'view ' + (place + 1);
      image.decoding = 'async';
      image.width = aspect[0];
      image.height = aspect[1];
      image.src = views[place];
      caption.append(element('b', '', place + 1),
        ' at ' + turn.at[0] + '°, ' + turn.at[1] + '° → ', element('span', 'foreign', turn.words));
      figure.append(image, caption);
      row.append(figure);
    });
    return row;
  }

  function draw(drawing) {
    const frame = element('div', 'drawing');
    const canvas = document.createElementNS(SVG, 'svg');
    canvas.setAttribute('viewBox', '0 0 ' + drawing.size.map(Number).join(' '));
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', drawing.title);
    const picture = drawing.picture && address(drawing.picture);
    if (picture) {
      const image = element('img');
      image.alt = '';
      image.decoding = 'async';
      image.src = picture;
      frame.append(image);
    }
    drawing.shapes.forEach((shape) => {
      if (!SHAPES.has(shape.shape)) return;
      const node = document.createElementNS(SVG, shape.shape);
      Object.entries(shape).forEach(([name, value]) => {
        if (ATTRIBUTES.has(name)) node.setAttribute(name, value);
      });
      if (shape.shape === 'text') node.textContent = visible(shape.text);
      canvas.append(node);
    });
    frame.append(canvas);
    return frame;
  }

  function transcript(turns) {
    const details = element('details', 'transcript');
    details.append(element('summary', '', 'Transcript'));
    turns.forEach((turn, place) => {
      const part = element('div', 'turn' + (turn.invalid ? ' invalid' : ''));
      part.append(element('p', 'small soft', 'view ' + (place + 1) + ' at yaw ' + turn.at[0] +
        '°, pitch ' + turn.at[1] + '° · ' + turn.latency.toFixed(2) + ' s' +
        (turn.finish ? ' · ' + turn.finish : '')));
      if (turn.thought) part.append(element('p', 'thought', turn.thought));
      const words = element('p');
      words.append(element('b', 'foreign', turn.words));
      const verbatim = element('details');
      const reply = Array.isArray(turn.reply) ? turn.reply.join(turn.thought) : turn.reply;
      verbatim.append(element('summary', '', 'verbatim'), element('pre', '', reply));
      part.append(words, verbatim);
      details.append(part);
    });
    return details;
  }

  // ---- which episodes are shown, and in what order

  function escaped(text) {
    return JSON.stringify(text).slice(1, -1).toLowerCase().replace(/[^\u0020-\u007e]|[<>&]/g,
      (letter) => '\\u' + letter.charCodeAt(0).toString(16).padStart(4, '0'));
  }

  function says(card, words, deep) {
    if (card.querySelector('header').textContent.toLowerCase().includes(words)) return true;
    if (!deep || assets) return false;
    const story = document.getElementById('story-' + card.dataset.number);
    return Boolean(story) && story.textContent.toLowerCase().includes(escaped(words));
  }

  function matches(card, settings) {
    const about = card.dataset;
    return settings.outcomes.has(about.outcome) &&
      (!settings.split || about.split === settings.split) &&
      (!settings.level || about.level === settings.level) &&
      (!settings.disagrees || about.disagrees) &&
      (!settings.told || about.told) &&
      (!settings.words || says(card, settings.words, settings.deep));
  }

  const ORDERS = {
    run: (card) => Number(card.dataset.number),
    off: (card) => -Number(card.dataset.off),
    turns: (card) => -Number(card.dataset.turns),
    fewest: (card) => Number(card.dataset.turns),
  };
  let order = 'run';

  function apply() {
    const given = new FormData(form);
    const settings = {
      words: String(given.get('words') || '').trim().toLowerCase(), deep: given.has('deep'),
      outcomes: new Set(given.getAll('outcome')), split: given.get('split'),
      level: given.get('level'), disagrees: given.has('disagrees'), told: given.has('told'),
    };
    if (given.get('order') !== order) {
      order = given.get('order');
      const key = ORDERS[order];
      cards.sort((a, b) => key(a) - key(b) || ORDERS.run(a) - ORDERS.run(b));
      list.append(...cards);
    }
    let shown = 0;
    cards.forEach((card) => {
      card.hidden = !matches(card, settings);
      shown += card.hidden ? 0 : 1;
    });
    count.textContent = shown + ' of ' + cards.length + ' episodes';
  }

  function reset() {
    form.reset();
    apply();
  }

  function current() {
    const held = document.activeElement && document.activeElement.closest('article.card');
    return held || null;
  }

  function step(by) {
    const visibleCards = cards.filter((card) => !card.hidden);
    let place = visibleCards.indexOf(current());
    if (place < 0) {
      place = visibleCards.findIndex((card) => card.getBoundingClientRect().bottom > 120);
      place -= by > 0 ? 1 : 0;
    }
    const next = visibleCards[Math.min(visibleCards.length - 1, Math.max(0, place + by))];
    if (!next) return;
    fill(next);
    next.focus({preventScroll: true});
    next.scrollIntoView({block: 'start'});
  }

  function toggle() {
    const details = current() && current().querySelector('details.transcript');
    if (details) details.open = !details.open;
  }

  function onKey(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && typing) event.target.blur();
    if (typing) return;
    const keys = {
      j: () => step(1), k: () => step(-1), t: toggle,
      '/': () => form.elements.words.focus(), x: reset,
    };
    if (Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      keys[event.key]();
    }
  }

  function goToHash() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch (error) { return; }
    const card = document.getElementById(name);
    if (!card || !card.matches('article.card')) return;
    if (card.hidden) reset();
    fill(card);
    card.focus({preventScroll: true});
    card.scrollIntoView({block: 'start'});
  }

  function onPrint() {
    cards.filter((card) => !card.hidden && card.dataset.told).slice(0, PRINTED).forEach(fill);
  }

  const observer = new IntersectionObserver((entries) => {
    entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      observer.unobserve(entry.target);
      fill(entry.target);
    });
  }, {rootMargin: '700px 0px'});
  cards.filter((card) => card.dataset.told).forEach((card) => observer.observe(card));

  if (form) {
    form.addEventListener('input', apply);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('reset', () => setTimeout(apply));
    document.addEventListener('keydown', onKey);
    apply();
  }
  window.addEventListener('hashchange', goToHash);
  window.addEventListener('beforeprint', onPrint);
  goToHash();
})();
