// Which key was pressed, on any keyboard: by what it prints, and where that is no Latin letter, digit or known sign, by its place.
'use strict';
(() => {
  const MODIFIERS = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock', 'NumLock', 'ScrollLock', 'Fn', 'FnLock', 'Hyper', 'Super', 'Symbol', 'SymbolLock']);
  const UNSAID = new Set(['Dead', 'Process', 'Unidentified']);
  const SIGNS = { Period: '.', Equal: '+', Minus: '-' };

  // A script's ten digits follow one another; what is ten places behind the first zero begins another row of them.
  function digit(sign) {
    if (!/^\p{Nd}$/u.test(sign)) return '';
    let zero = sign.codePointAt(0);
    while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
    return String((sign.codePointAt(0) - zero) % 10);
  }
  function placed({ key, code, shiftKey }) {
    if (/^Key[A-Z]$/.test(code)) return code[3].toLowerCase();
    // With Shift a row of digits prints other signs, or the digits themselves.
    if (/^Digit[0-9]$/.test(code)) return shiftKey ? '' : code[5];
    if (code === 'Slash' && shiftKey && !/\p{Script=Latin}/u.test(key)) return '?';
    return !shiftKey && /\p{L}/u.test(key) && !/\p{Script=Latin}/u.test(key) ? SIGNS[code] || '' : '';
  }

  // `known`: the signs that mean something on this page. Null for a modifier alone; '' for what nobody can tell.
  demo.keyName = (event, known = '') => {
    if (MODIFIERS.has(event.key)) return null;
    const printed = event.key.normalize('NFKC');
    if (UNSAID.has(printed)) return placed(event);
    if ([...printed].length > 1) return printed.toLowerCase();
    if (printed === ' ') return event.shiftKey ? 'shift+ ' : ' ';
    if (/^[a-z]$/i.test(printed)) return printed.toLowerCase();
    if (printed === '؟') return '?';
    return digit(printed) || (known.includes(printed) ? printed : placed(event));
  };
})();
