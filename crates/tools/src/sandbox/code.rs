//! JavaScript in `QuickJS`: the language and a console, and nothing of the world. No file, no network, no module, no timer.

use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::{
    CatchResultExt as _, CaughtError, Coerced, Context, Ctx, FromJs as _, Function, Object, Promise, Runtime,
    Value as JsValue, context::EvalOptions,
};
use serde_json::{Value, json};

use super::{Failed, Trouble};

const PRELUDE: &str = include_str!("prelude.js");
const MEMORY_BYTES: usize = 64 * 1024 * 1024;
const STACK_BYTES: usize = 1024 * 1024;
/// What may be written to the console.
const MOST_CONSOLE_BYTES: usize = 64 * 1024;
/// What may come out, as JSON.
const MOST_RESULT_BYTES: usize = 512 * 1024;
/// How much of an error, and of what was written before it, is told.
const MOST_ERROR_BYTES: usize = 2000;

/// What was written so far.
#[derive(Debug, Default)]
struct Console {
    text: String,
    truncated: bool,
}

/// Runs a script; gives the value of its last expression and what it wrote. Each line is said as it is written.
pub(super) fn evaluate(code: &str, say: impl Fn(&str) + Send + 'static) -> Result<Value, Failed> {
    let runtime = Runtime::new().map_err(|_| no_memory())?;
    runtime.set_memory_limit(MEMORY_BYTES);
    runtime.set_max_stack_size(STACK_BYTES);
    let context = Context::full(&runtime).map_err(|_| no_memory())?;
    let console = Arc::new(Mutex::new(Console::default()));
    let printed = console.clone();
    let print = move |line: String| {
        let mut console = printed.lock().unwrap_or_else(PoisonError::into_inner);
        if console.text.len() + line.len() > MOST_CONSOLE_BYTES {
            console.truncated = true;
            return;
        }
        console.text.push_str(&line);
        console.text.push('\n');
        say(&line);
    };
    let result = context.with(|ctx| run(&ctx, code, print));
    let console = console.lock().unwrap_or_else(PoisonError::into_inner);
    let result = result.map_err(|failed| with_console(failed, &console.text))?;
    if result.len() > MOST_RESULT_BYTES {
        let message = format!("The result has {} KB, and 512 KB are the most. Give less back.", result.len() / 1024);
        return Err(Trouble::OutputTooLarge.because(message));
    }
    // Half a character in the name of a field is the one thing that JavaScript writes and JSON does not know.
    let value = serde_json::from_str(&result).unwrap_or(Value::String(result));
    Ok(json!({ "result": value, "console": console.text, "truncated": console.truncated }))
}

/// Gives the JSON of the last expression.
fn run<'js>(ctx: &Ctx<'js>, code: &str, print: impl Fn(String) + Send + 'static) -> Result<String, Failed> {
    let told = |caught: CaughtError<'js>| told(&caught);
    let prelude: Function<'js> = ctx.eval(PRELUDE).catch(ctx).map_err(told)?;
    let print = Function::new(ctx.clone(), print).catch(ctx).map_err(told)?;
    let to_json: Function<'js> = prelude.call((print,)).catch(ctx).map_err(told)?;
    let mut options = EvalOptions::default();
    // People write in the console's way: `x = 1` without `let`, `await` where they like.
    options.strict = false;
    options.promise = true;
    options.filename = Some("code".to_owned());
    let script: Promise<'js> = ctx.eval_with_options(code, options).catch(ctx).map_err(told)?;
    let finished: Object<'js> = script.finish().catch(ctx).map_err(told)?;
    let mut value: JsValue<'js> = finished.get("value").catch(ctx).map_err(told)?;
    if let Some(promise) = value.as_promise() {
        value = promise.clone().finish().catch(ctx).map_err(told)?;
    }
    to_json.call((value,)).catch(ctx).map_err(told)
}

/// What was thrown, with the lines where it was.
fn told(caught: &CaughtError<'_>) -> Failed {
    let message = match caught {
        CaughtError::Error(rquickjs::Error::WouldBlock) => {
            return Trouble::CodeFailed
                .because("The code waits for something that never happens. There are no timers here.");
        }
        CaughtError::Error(error) => error.to_string(),
        CaughtError::Exception(exception) => {
            let name: Option<String> = exception.get("name").ok();
            let message = exception.message().unwrap_or_default();
            let head = format!("{}: {message}", name.as_deref().unwrap_or("Error"));
            let stack = exception.stack().unwrap_or_default();
            let lines: Vec<_> = stack.lines().map(str::trim).filter(|line| line.contains("code:")).take(5).collect();
            if lines.is_empty() { head } else { format!("{head}\n{}", lines.join("\n")) }
        }
        CaughtError::Value(value) => {
            let text = Coerced::<String>::from_js(value.ctx(), value.clone());
            format!("The code threw {}", text.map_or_else(|_| "a value".to_owned(), |text| text.0))
        }
    };
    if message.contains("out of memory") || matches!(caught, CaughtError::Value(value) if value.is_null()) {
        return no_memory();
    }
    Trouble::CodeFailed.because(shortened(&message))
}

fn no_memory() -> Failed {
    Trouble::NoMemory.because("The code needed more than 64 MB of memory.")
}

fn with_console(failed: Failed, console: &str) -> Failed {
    if console.is_empty() {
        return failed;
    }
    let message = format!("{}\n\nIt wrote before:\n{}", failed.message, shortened(console));
    Failed { message, ..failed }
}

fn shortened(text: &str) -> &str {
    let text = text.trim_end();
    if text.len() > MOST_ERROR_BYTES { &text[..text.floor_char_boundary(MOST_ERROR_BYTES)] } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(code: &str) -> Value {
        evaluate(code, |_| {}).unwrap()["result"].take()
    }

    fn failure(code: &str) -> Failed {
        evaluate(code, |_| {}).unwrap_err()
    }

    #[test]
    fn the_last_expression_is_the_result() {
        assert_eq!(result("const x = [3, 1, 2]; x.sort(); x.map(n => n * 2)"), json!([2, 4, 6]));
        assert_eq!(result("x = 5; x"), 5);
        assert_eq!(result("let y = 1;"), Value::Null);
        assert_eq!(result("'Ünïcödé 🌊 日本'"), "Ünïcödé 🌊 日本");
        assert_eq!(
            result("({ a: new Date(0), b: undefined, c: null })"),
            json!({"a": "1970-01-01T00:00:00.000Z", "c": null})
        );
        assert_eq!(result("/(\\d+)-(?<b>\\d+)/.exec('12-34').groups.b"), "34");
    }

    #[test]
    fn what_json_does_not_know_is_text() {
        assert_eq!(result("2n ** 70n"), "1180591620717411303424");
        assert_eq!(result("[NaN, 1 / 0, Symbol('s')]"), json!(["NaN", "Infinity", "Symbol(s)"]));
        assert_eq!(result("new Map([['a', new Set([1, 2])]])"), json!({ "a": [1, 2] }));
        assert_eq!(result("const o = {}; o.o = o; o"), "[object Object]");
        assert_eq!(result("'a\\ud800b'"), "a\u{fffd}b");
        assert_eq!(result("new TypeError('no')"), "TypeError: no");
        assert!(result("(a) => a + 1").as_str().unwrap().contains("a + 1"));
    }

    #[test]
    fn promises_are_waited_for() {
        assert_eq!(result("const f = async () => 20 + await 1; await f() * 2"), 42);
        assert_eq!(result("(async () => [await Promise.resolve(7)])()"), json!([7]));
        assert!(failure("await new Promise(() => {})").message.contains("no timers"));
        assert!(failure("await Promise.reject(new RangeError('far'))").message.starts_with("RangeError: far"));
    }

    #[test]
    fn the_console_is_heard_line_by_line() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = heard.clone();
        let given = evaluate("console.log('a', 1, { b: [2] }); console.error(new Error('x'))", move |line| {
            lines.lock().unwrap().push(line.to_owned());
        });
        assert_eq!(*heard.lock().unwrap(), ["a 1 {\"b\":[2]}", "Error: x"]);
        assert_eq!(given.unwrap()["console"], "a 1 {\"b\":[2]}\nError: x\n");
        let much = evaluate("for (let i = 0; i < 5000; i++) console.log('x'.repeat(100)); 'done'", |_| {}).unwrap();
        assert_eq!((&much["result"], &much["truncated"]), (&json!("done"), &json!(true)));
        assert!(much["console"].as_str().unwrap().len() <= MOST_CONSOLE_BYTES);
    }

    #[test]
    fn an_error_says_where_it_was_and_what_was_written_before() {
        let failed = failure("console.log('so far');\nfunction f() {\n  null.x;\n}\nf()");
        assert_eq!(failed.trouble, Trouble::CodeFailed);
        assert!(failed.message.starts_with("TypeError: "), "{}", failed.message);
        assert!(failed.message.contains("code:3:") && failed.message.contains("code:5:"), "{}", failed.message);
        assert!(failed.message.ends_with("It wrote before:\nso far"), "{}", failed.message);
        let failed = failure("let a = 1;\nlet b = ;");
        assert!(failed.message.starts_with("SyntaxError: ") && failed.message.contains("code:2"), "{}", failed.message);
        assert_eq!(failure("throw 'plain'").message, "The code threw plain");
    }

    #[test]
    fn nothing_of_the_world_is_there() {
        for name in ["require", "process", "fetch", "XMLHttpRequest", "std", "os", "Deno", "setTimeout", "WebAssembly"]
        {
            assert_eq!(result(&format!("typeof {name}")), "undefined", "{name}");
        }
        assert!(failure("await import('fs')").message.contains("Error"));
        assert!(failure("import fs from 'fs'").message.contains("SyntaxError"));
        assert!(failure("this.constructor.constructor('return process')()").message.contains("process"));
    }

    #[test]
    fn memory_and_stack_have_an_end() {
        assert_eq!(failure("const a = []; while (true) a.push('x'.repeat(1e6) + a.length)").trouble, Trouble::NoMemory);
        assert_eq!(failure("new Uint8Array(1e9)").trouble, Trouble::NoMemory);
        let deep = failure("function f(n) { return f(n + 1) + 1 } f(0)");
        assert!(deep.message.contains("stack"), "{}", deep.message);
        assert!(failure("JSON.parse('['.repeat(1e6))").message.contains("Error"));
        let large = failure("'x'.repeat(1e6)");
        assert_eq!(large.trouble, Trouble::OutputTooLarge);
    }

    #[test]
    fn tampering_with_the_language_harms_only_its_own_result() {
        let tampered = "Object.prototype.toJSON = () => 'fooled'; JSON.stringify = null; String = null;
            String.prototype.toWellFormed = null; console.log = null; globalThis.console = 1; Array.prototype.map = null; [1]";
        assert!(
            evaluate(tampered, |_| {}).is_ok_and(|given| given["result"].is_string())
                || failure(tampered).message.contains("Error")
        );
        assert!(
            failure("({ toJSON() { throw new Error('mine') }, toString() { throw new Error('own') } })")
                .message
                .contains("own")
        );
        assert_eq!(result("Object.defineProperty(globalThis, 'value', { get() { throw 1 } }); 3"), 3);
        assert_eq!(result("Object.prototype.value = 9; 4"), 4);
    }
}
