// The opt-in form: <script src=".../widget.js" data-key="..." async></script>
//
// It needs nothing of its page but that the Content-Security-Policy lets this file run (script-src)
// and ask its own server (connect-src): no inline script or style, no eval, no worker, no cookie.
(() => {
  'use strict';

  const script =
    document.currentScript || document.querySelector('script[data-key][src*="/widget.js"]');
  if (!script || !script.dataset.key) {
    console.error('kith: the script needs data-key="...", the id that `kith connect widget` printed.');
    return;
  }
  const asked = script.dataset;
  const home = new URL('in/' + encodeURIComponent(asked.key), script.src).href;

  const WORDS = [
    'title', 'name', 'country', 'phone', 'hint', 'version', 'submit', 'sending', 'problem',
    'badName', 'badPhone', 'badConsent', 'newWording', 'tooMany', 'failed', 'notLoaded',
    'doneTitle', 'doneText', 'open', 'until', 'newTab',
  ];
  const LANGUAGES = {
    en: [
      'Get our messages on WhatsApp', 'Name (optional)', 'Country', 'Phone number',
      'Your WhatsApp number, with or without the country code', 'Version', 'Continue', 'Sending…',
      'There is a problem', 'Enter a shorter name, on one line', 'Enter a phone number',
      'Tick the box if you agree', 'The text has changed: read it and agree again',
      'Too many attempts: wait a while and try again', 'That did not work: try again',
      'The form cannot be shown at the moment.', 'One more step',
      'Send us this message on WhatsApp. Only then will you hear from us.', 'Open WhatsApp',
      'It can be sent within 48 hours.', '(opens a new tab)',
    ],
    fr: [
      'Recevoir nos messages sur WhatsApp', 'Nom (facultatif)', 'Pays', 'Numéro de téléphone',
      'Votre numéro WhatsApp, avec ou sans indicatif', 'Version', 'Continuer', 'Envoi…',
      'Il y a un problème', 'Saisissez un nom plus court, sur une ligne',
      'Saisissez un numéro de téléphone', 'Cochez la case si vous acceptez',
      'Le texte a changé : lisez-le et acceptez-le à nouveau',
      'Trop d’essais : patientez, puis réessayez', 'Cela n’a pas fonctionné : réessayez',
      'Le formulaire ne peut pas être affiché pour le moment.', 'Encore une étape',
      'Envoyez-nous ce message sur WhatsApp. Nous ne vous écrirons qu’ensuite.', 'Ouvrir WhatsApp',
      'Il peut être envoyé pendant 48 heures.', '(nouvel onglet)',
    ],
    es: [
      'Recibe nuestros mensajes por WhatsApp', 'Nombre (opcional)', 'País', 'Número de teléfono',
      'Tu número de WhatsApp, con o sin prefijo de país', 'Versión', 'Continuar', 'Enviando…',
      'Hay un problema', 'Escribe un nombre más corto, en una línea',
      'Escribe un número de teléfono', 'Marca la casilla si estás de acuerdo',
      'El texto ha cambiado: léelo y acéptalo de nuevo',
      'Demasiados intentos: espera un poco y vuelve a probar', 'No ha funcionado: vuelve a probar',
      'El formulario no se puede mostrar en este momento.', 'Un paso más',
      'Envíanos este mensaje por WhatsApp. Solo entonces te escribiremos.', 'Abrir WhatsApp',
      'Se puede enviar durante 48 horas.', '(se abre en otra pestaña)',
    ],
    pt: [
      'Receba as nossas mensagens no WhatsApp', 'Nome (opcional)', 'País', 'Número de telefone',
      'O seu número do WhatsApp, com ou sem o código do país', 'Versão', 'Continuar', 'A enviar…',
      'Há um problema', 'Escreva um nome mais curto, numa linha', 'Escreva um número de telefone',
      'Marque a caixa se concorda', 'O texto mudou: leia e aceite de novo',
      'Demasiadas tentativas: aguarde e tente de novo', 'Não funcionou: tente de novo',
      'O formulário não pode ser mostrado neste momento.', 'Mais um passo',
      'Envie-nos esta mensagem pelo WhatsApp. Só depois lhe escreveremos.', 'Abrir o WhatsApp',
      'Pode ser enviada durante 48 horas.', '(abre um novo separador)',
    ],
    de: [
      'Unsere Nachrichten per WhatsApp', 'Name (freiwillig)', 'Land', 'Telefonnummer',
      'Ihre WhatsApp-Nummer, mit oder ohne Ländervorwahl', 'Fassung', 'Weiter', 'Wird gesendet …',
      'Etwas stimmt nicht', 'Geben Sie einen kürzeren Namen ein, in einer Zeile',
      'Geben Sie eine Telefonnummer ein', 'Kreuzen Sie das Kästchen an, wenn Sie einverstanden sind',
      'Der Text hat sich geändert: Lesen Sie ihn und stimmen Sie erneut zu',
      'Zu viele Versuche: Warten Sie etwas und versuchen Sie es erneut',
      'Das hat nicht geklappt: Versuchen Sie es erneut',
      'Das Formular kann gerade nicht angezeigt werden.', 'Noch ein Schritt',
      'Schicken Sie uns diese Nachricht per WhatsApp. Erst dann schreiben wir Ihnen.',
      'WhatsApp öffnen',
      'Sie kann 48 Stunden lang geschickt werden.', '(öffnet einen neuen Tab)',
    ],
    it: [
      'Ricevi i nostri messaggi su WhatsApp', 'Nome (facoltativo)', 'Paese', 'Numero di telefono',
      'Il tuo numero WhatsApp, con o senza prefisso', 'Versione', 'Continua', 'Invio…',
      'C’è un problema', 'Inserisci un nome più breve, su una riga',
      'Inserisci un numero di telefono', 'Spunta la casella se accetti',
      'Il testo è cambiato: leggilo e accettalo di nuovo',
      'Troppi tentativi: attendi un po’ e riprova', 'Non ha funzionato: riprova',
      'Il modulo non può essere mostrato al momento.', 'Ancora un passo',
      'Inviaci questo messaggio su WhatsApp. Solo allora ti scriveremo.', 'Apri WhatsApp',
      'Può essere inviato entro 48 ore.', '(si apre in una nuova scheda)',
    ],
    ar: [
      'احصل على رسائلنا عبر واتساب', 'الاسم (اختياري)', 'البلد', 'رقم الهاتف',
      'رقمك على واتساب، مع رمز البلد أو بدونه', 'النسخة', 'متابعة', 'جارٍ الإرسال…',
      'هناك مشكلة', 'أدخل اسمًا أقصر في سطر واحد', 'أدخل رقم هاتف', 'ضع علامة في المربع إذا كنت موافقًا',
      'تغيّر النص: اقرأه ووافق من جديد', 'محاولات كثيرة: انتظر قليلًا ثم حاول مجددًا',
      'لم ينجح ذلك: حاول مجددًا', 'لا يمكن عرض النموذج الآن.', 'خطوة أخيرة',
      'أرسل إلينا هذه الرسالة عبر واتساب. لن نراسلك إلا بعد ذلك.', 'افتح واتساب',
      'يمكن إرسالها خلال 48 ساعة.', '(يُفتح في علامة تبويب جديدة)',
    ],
  };

  const spoken = [
    asked.lang,
    (script.closest('[lang]') || document.documentElement).lang,
    ...(navigator.languages || []),
  ];
  const lang =
    spoken
      .map((tag) => (tag || '').toLowerCase().split(/[-_]/)[0])
      .find((tag) => Object.hasOwn(LANGUAGES, tag)) || 'en';
  const say = Object.fromEntries(WORDS.map((word, at) => [word, LANGUAGES[lang][at]]));

  // An element: properties by their name, attributes by theirs, then what is inside.
  const el = (tag, given, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(given || {})) {
      if (name in made && !name.startsWith('aria')) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...inside);
    return made;
  };

  const STYLE = `
    :host { display: block; }
    * { box-sizing: border-box; font: inherit; }
    .box { position: relative; max-width: 32rem; line-height: 1.5; text-align: start; }
    h2 { font-size: 1.25em; font-weight: 700; margin: 0 0 .75em; }
    h2:focus, .summary:focus { outline: none; }
    .field { margin: 0 0 1em; }
    label { display: block; font-weight: 600; }
    .hint, .version { font-size: .875em; opacity: .85; margin: 0; }
    input, select { width: 100%; min-height: 2.75em; padding: .375em .625em; border: 1px solid #767676;
      border-radius: .25em; background: #fff; color: #111; }
    input[aria-invalid="true"] { border: 2px solid var(--kith-error, #b3261e); }
    .tick { display: flex; gap: .625em; align-items: flex-start; }
    .tick input { width: 1.5em; height: 1.5em; min-height: 0; flex: none; margin: 0; }
    .tick label { font-weight: 400; }
    .error { color: var(--kith-error, #b3261e); font-weight: 600; margin: 0; }
    .error:empty { display: none; }
    .summary { border: 2px solid var(--kith-error, #b3261e); border-radius: .25em; padding: .75em 1em;
      margin: 0 0 1em; }
    .summary p { font-weight: 700; margin: 0; }
    .summary ul { margin: .25em 0 0; padding-inline-start: 1.25em; }
    .summary a { color: inherit; }
    .summary[hidden], [hidden] { display: none; }
    button, .open { display: inline-block; min-height: 2.75em; padding: .5em 1.25em; border: 0;
      border-radius: .25em; background: var(--kith-accent, #0b6b4f); color: var(--kith-on-accent, #fff);
      font-weight: 600; text-decoration: none; cursor: pointer; }
    button[aria-disabled="true"] { opacity: .6; cursor: progress; }
    :focus-visible { outline: 3px solid var(--kith-focus, #1a5fb4); outline-offset: 2px; }
    .code { padding: .625em; border: 1px solid #767676; border-radius: .25em; overflow-wrap: anywhere;
      user-select: all; }
    .out { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    @media (forced-colors: active) { button, .open { border: 1px solid; } }`;

  // Proof of work: SHA-256 of the 36 bytes salt, nonce, counter, which fit one block. Slices of a few
  // milliseconds on the page's own thread: SubtleCrypto is not there on http, and a worker would
  // need a further line of CSP.
  const ROUND = new Int32Array(64), START = new Int32Array(8), sum = new Int32Array(8);
  let primes = 0;
  for (let n = 2; primes < 64; n++) {
    let is_prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) is_prime = false;
    if (!is_prime) continue;
    if (primes < 8) START[primes] = (Math.sqrt(n) * 2 ** 32) | 0;
    ROUND[primes++] = (Math.cbrt(n) * 2 ** 32) | 0;
  }
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  const w = new Int32Array(64);
  const hash = (block) => {
    w.set(block);
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15], y = w[t - 2];
      w[t] = w[t - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[t - 7] +
        (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let a = START[0], b = START[1], c = START[2], d = START[3];
    let e = START[4], f = START[5], g = START[6], h = START[7];
    for (let t = 0; t < 64; t++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[t] +
        w[t]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    sum[0] = a; sum[1] = b; sum[2] = c; sum[3] = d;
    sum[4] = e; sum[5] = f; sum[6] = g; sum[7] = h;
    for (let t = 0; t < 8; t++) sum[t] += START[t];
  };
  const wordsOf = (hex) => hex.match(/.{8}/g).map((part) => parseInt(part, 16) | 0);
  const hexOf = (words) => [...words].map((x) => (x >>> 0).toString(16).padStart(8, '0')).join('');
  const pause = () => new Promise((resolve) => setTimeout(resolve));
  const solve = async (challenge) => {
    const { salt, nonce, keyPrefix } = challenge.parameters;
    const block = new Int32Array(16);
    block.set([...wordsOf(salt), ...wordsOf(nonce), 0, 1 << 31]);
    block[15] = 36 * 8;
    const first = wordsOf(keyPrefix)[0];
    for (let counter = 0; ; ) {
      for (const until = performance.now() + 8; performance.now() < until; ) {
        for (let n = 0; n < 500; n++, counter++) {
          block[8] = counter;
          hash(block);
          if (sum[0] === first && hexOf(sum).startsWith(keyPrefix))
            return btoa(JSON.stringify({ challenge, solution: { counter, derivedKey: hexOf(sum) } }));
        }
      }
      await pause();
    }
  };

  const place = () => {
    const target = asked.target && document.querySelector(asked.target);
    const host = el('div', { className: 'kith-widget' });
    if (target) target.append(host);
    else if (script.isConnected && document.body.contains(script)) script.after(host);
    else document.body.append(host);
    const root = host.attachShadow({ mode: 'open' });
    if ('adoptedStyleSheets' in root) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    }
    const box = el('div', { className: 'box', lang, dir: lang === 'ar' ? 'rtl' : 'ltr' });
    root.append(box);
    return { host, box };
  };

  // A network that says nothing is given up: whoever waits is told, and may try again.
  const ask = (address, given) => fetch(address, { credentials: 'omit', ...given,
    signal: AbortSignal.timeout && AbortSignal.timeout(30_000) });

  const load = async () => {
    const answer = await ask(`${home}?lang=${lang}`, { cache: 'no-store' });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const form = await answer.json();
    form.until = Date.now() + form.challenge_seconds * 900;
    return form;
  };

  const countries = () => {
    const names = 'DisplayNames' in Intl ? new Intl.DisplayNames([lang], { type: 'region' }) : null;
    return [...'{{regions}}'.matchAll(/([A-Z]{2})(\d+)/g)]
      .map(([, region, code]) => ({ region, code, name: (names && names.of(region)) || region }))
      .sort((one, other) => one.name.localeCompare(other.name, lang));
  };

  const show = (host, box, config) => {
    const error = (id) => el('p', { id: `${id}-error`, className: 'error' });
    const name = el('input', { id: 'name', name: 'name', autocomplete: 'name', maxLength: 256,
      'aria-describedby': 'name-error' });
    const mark = lang === 'ar' ? '\u200e' : ''; // else +20 is shown as 20+
    const country = el('select', { id: 'country', name: 'country', autocomplete: 'country' },
      ...countries().map((one) => el('option', { value: one.region }, `${one.name} ${mark}+${one.code}`)));
    const phone = el('input', { id: 'phone', name: 'phone', type: 'tel', autocomplete: 'tel',
      required: true, dir: 'ltr', maxLength: 64, 'aria-describedby': 'phone-hint phone-error' });
    const consent = el('input', { id: 'consent', name: 'consent', type: 'checkbox', required: true,
      'aria-describedby': 'version consent-error' });
    const website = el('input', { id: 'website', name: 'website', autocomplete: 'off', tabIndex: -1 });
    const wording = el('label', { htmlFor: 'consent', dir: 'auto' });
    const version = el('p', { id: 'version', className: 'version' });
    const errors = { name: error('name'), phone: error('phone'), consent: error('consent') };
    const inputs = { name, phone, consent };
    const summary = el('div', { className: 'summary', tabIndex: -1, hidden: true, role: 'alert' });
    const status = el('p', { role: 'status', className: 'out' });
    const button = el('button', { type: 'submit', part: 'button' }, say.submit);
    const form = el('form', { noValidate: true, 'aria-labelledby': 'title', part: 'form' },
      el('h2', { id: 'title', part: 'title' }, say.title), summary,
      el('div', { className: 'field' }, el('label', { htmlFor: 'name' }, say.name), errors.name, name),
      el('div', { className: 'field' }, el('label', { htmlFor: 'country' }, say.country), country),
      el('div', { className: 'field' }, el('label', { htmlFor: 'phone' }, say.phone),
        el('p', { id: 'phone-hint', className: 'hint' }, say.hint), errors.phone, phone),
      el('div', { className: 'out', 'aria-hidden': 'true' },
        el('label', { htmlFor: 'website' }, 'Website'), website),
      el('div', { className: 'field' }, errors.consent,
        el('div', { className: 'tick' }, consent, el('div', {}, wording, version))),
      button, status);

    const region = (navigator.language.match(/-([A-Z]{2})\b/) || [])[1];
    for (const one of [region, config.country, (asked.country || '').toUpperCase()])
      if (one && [...country.options].some((option) => option.value === one)) country.value = one;

    const word = () => {
      wording.textContent = config.wording;
      version.textContent = `${say.version} ${config.wording_version}`;
    };
    word();
    let work = null;
    const worked = () => (work = work || solve(config.challenge));
    const reload = async () => {
      const before = config.wording_version + config.wording;
      config = await load();
      work = null;
      word();
      return config.wording_version + config.wording !== before;
    };

    const complain = (problems) => {
      for (const field of Object.keys(inputs)) {
        errors[field].textContent = problems[field] || '';
        inputs[field].setAttribute('aria-invalid', field in problems);
      }
      const listed = Object.entries(problems).map(([field, text]) => {
        if (!inputs[field]) return el('li', {}, text);
        const link = el('a', { href: `#${field}` }, text);
        link.addEventListener('click', (event) => {
          event.preventDefault();
          inputs[field].focus();
        });
        return el('li', {}, link);
      });
      summary.replaceChildren(el('p', {}, say.problem), el('ul', {}, ...listed));
      summary.hidden = !listed.length;
      if (listed.length) summary.focus();
    };

    const askAgain = () => {
      consent.checked = false;
      return { consent: say.newWording };
    };
    const send = async (isAgain) => {
      if (Date.now() > config.until && (await reload())) return askAgain();
      const body = { name: name.value, phone: phone.value, country: country.value,
        consent: consent.checked, wording_version: config.wording_version, locale: lang,
        url: location.href.slice(0, 2048), website: website.value, proof: await worked() };
      const answer = await ask(home, { method: 'POST',
        headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
      const told = await answer.json().catch(() => ({}));
      if (answer.ok) return done(host, box, told);
      if (answer.status === 429) return { form: say.tooMany };
      const wrong = told.errors || {};
      if (wrong.wording_version) {
        await reload();
        return askAgain();
      }
      if (wrong.proof && !isAgain) return (await reload()) ? askAgain() : send(true);
      const problems = {};
      if (wrong.name) problems.name = say.badName;
      if (wrong.phone || wrong.country) problems.phone = say.badPhone;
      if (wrong.consent) problems.consent = say.badConsent;
      return Object.keys(problems).length ? problems : { form: say.failed };
    };

    form.addEventListener('focusin', () => void worked(), { once: true });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (button.getAttribute('aria-disabled')) return;
      const missing = {};
      if (!/\p{Nd}/u.test(phone.value)) missing.phone = say.badPhone;
      if (!consent.checked) missing.consent = say.badConsent;
      complain(missing);
      if (Object.keys(missing).length) return;
      button.setAttribute('aria-disabled', 'true');
      status.textContent = say.sending;
      try {
        const problems = await send();
        if (problems) complain(problems);
      } catch (problem) {
        console.error('kith:', problem);
        complain({ form: say.failed });
      }
      button.removeAttribute('aria-disabled');
      status.textContent = '';
    });
    complain({}); // without aria-invalid, a box that must be ticked is called invalid from the start
    box.replaceChildren(form);
  };

  const done = (host, box, told) => {
    const title = el('h2', { id: 'title', tabIndex: -1, part: 'title' }, say.doneTitle);
    const parts = [el('p', {}, say.doneText),
      el('p', { className: 'code', part: 'message', dir: 'auto' }, told.message)];
    if (told.link)
      parts.push(el('p', {}, el('a', { className: 'open', part: 'button', href: told.link,
        target: '_blank', rel: 'noopener noreferrer' }, say.open,
      el('span', { className: 'out' }, ` ${say.newTab}`))));
    parts.push(el('p', {}, say.until));
    box.replaceChildren(el('section', { 'aria-labelledby': 'title', part: 'done' }, title, ...parts));
    title.focus();
    host.dispatchEvent(new CustomEvent('kith-asked', { bubbles: true }));
  };

  const begin = async () => {
    const { host, box } = place();
    try {
      show(host, box, await load());
    } catch (problem) {
      console.error(`kith: ${home} cannot be asked. Is this page's origin named by the connection, ` +
        `and does its Content-Security-Policy have "connect-src ${new URL(home).origin}"?`, problem);
      box.replaceChildren(el('p', { role: 'status' }, say.notLoaded));
    }
  };
  const isThere = asked.target
    ? document.querySelector(asked.target)
    : document.body && document.body.contains(script);
  if (document.readyState === 'loading' && !isThere)
    document.addEventListener('DOMContentLoaded', begin);
  else begin();
})();
