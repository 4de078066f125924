// Gives code its console, and gives the sandbox a function that writes any value as JSON.
(print) => {
  const clean = Function.prototype.call.bind(String.prototype.toWellFormed);
  const plain = (key, value) => {
    switch (typeof value) {
      case 'string': return clean(value);
      case 'bigint': case 'symbol': case 'function': return clean(String(value));
      case 'number': return Number.isFinite(value) ? value : String(value);
    }
    if (value instanceof Map) return Object.fromEntries(value);
    if (value instanceof Set) return [...value];
    if (value instanceof Error) return clean(String(value));
    return value;
  };
  const json = (value) => {
    try {
      return JSON.stringify(value, plain) ?? 'null';
    } catch (error) {
      return JSON.stringify(clean(String(value)));
    }
  };
  const show = (value) =>
    typeof value === 'object' && value !== null && !(value instanceof Error) ? json(value) : clean(String(value));
  const log = (...values) => print(values.map(show).join(' '));
  globalThis.console = { log, info: log, warn: log, error: log, debug: log };
  return json;
}
