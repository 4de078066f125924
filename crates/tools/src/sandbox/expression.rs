//! Expressions, calculated by `fend`.
//!
//! `fend` parses and evaluates by recursion, and some of its operations never ask whether they should stop. The process's
//! stack is large enough for every expression that passes [`check`]; its deadline ends the rest.

use std::panic::catch_unwind;

use serde_json::Value;

use super::{Failed, Trouble};

/// The longest expression, in characters.
const MAX_CHARS: usize = 4000;
/// Parentheses within each other.
const MAX_NESTING: usize = 100;
/// Operators whose right side is parsed one level deeper, such as `^`, in one expression; signs count as well.
const MAX_RECURSIVE_OPERATORS: usize = 400;
/// What may come out, in bytes.
const MAX_RESULT_BYTES: usize = 512 * 1024;

/// Calculates the value, as text.
pub(super) fn calculate(expression: &str) -> Result<Value, Failed> {
    check(expression).map_err(|why| Trouble::InvalidExpression.because(why))?;
    // Some expressions violate an assertion of the calculator.
    let evaluated = catch_unwind(|| fend_core::evaluate(expression, &mut fend_core::Context::new()));
    match evaluated.unwrap_or_else(|_| Err("the calculator failed on it".to_owned())) {
        Ok(result) if result.get_main_result().len() > MAX_RESULT_BYTES => {
            Err(Trouble::OutputTooLarge.because("The result has more than 512 KB. Ask for fewer digits."))
        }
        Ok(result) => Ok(result.get_main_result().into()),
        Err(error) => Err(Trouble::InvalidExpression.because(format!("This cannot be calculated: {error}."))),
    }
}

/// Refuses what is too long or nested too deeply, in one pass over the text.
fn check(expression: &str) -> Result<(), String> {
    if expression.chars().count() > MAX_CHARS {
        return Err("The expression has more than 4,000 characters. Give a shorter one.".to_owned());
    }
    let (mut depth, mut deepest, mut operators) = (0_usize, 0, 0);
    let mut before = ' ';
    for letter in expression.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '^' | '\\' | 'λ' | ':' | '=' => operators += 1,
            '*' if before == '*' => operators += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
        before = letter;
    }
    operators += signs(expression) + words(expression);
    if deepest > MAX_NESTING {
        return Err(format!(
            "The expression has {deepest} parentheses within each other, and {MAX_NESTING} are the most. Calculate parts of it \
             first."
        ));
    }
    if operators > MAX_RECURSIVE_OPERATORS {
        let message = "The expression has too many powers, signs or functions. Calculate parts of it first.";
        return Err(message.to_owned());
    }
    Ok(())
}

/// Signs that follow another operator, as in `1 - - -1`: each is parsed within the one before.
fn signs(expression: &str) -> usize {
    let mut before = None;
    let letters = expression.chars().filter(|letter| !letter.is_whitespace());
    letters
        .filter(|letter| {
            let is_sign = |letter: &char| matches!(letter, '+' | '-' | '−' | '/' | '÷' | '∕');
            let follows = before.as_ref().is_none_or(|before| is_sign(before) || matches!(before, '(' | '^' | '*'));
            before = Some(*letter);
            follows && is_sign(letter)
        })
        .count()
}

/// Words that are parsed as such operators.
fn words(expression: &str) -> usize {
    expression.split_whitespace().filter(|word| matches!(*word, "of" | "per" | "light")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(expression: &str) -> String {
        calculate(expression).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn numbers_are_exact_and_units_convert() {
        assert_eq!(result("2^100"), "1267650600228229401496703205376");
        assert_eq!(result("0.1 + 0.2"), "0.3");
        assert_eq!(result("12 km/h to m/s"), "approx. 3.3333333333 m / s");
        assert_eq!(result("17% of 2350"), "399.5");
        assert_eq!(result("-(-(2)) * - -3"), "6");
    }

    #[test]
    fn an_invalid_expression_is_an_error() {
        assert_eq!(calculate("2 +* ").unwrap_err().trouble, Trouble::InvalidExpression);
    }

    #[test]
    fn deep_expressions_are_refused_before_they_are_parsed() {
        let deep = [
            format!("{}1{}", "(".repeat(300), ")".repeat(300)),
            format!("2{}", "^2".repeat(1900)),
            format!("2{}", "**2".repeat(1000)),
            format!("{}1", "-".repeat(3000)),
            format!("{}1", "+ ".repeat(1500)),
            format!("1{}1", "/".repeat(3000)),
            format!("{}1", "\\x.".repeat(1000)),
            format!("{}1", "x:".repeat(1000)),
            format!("{}1", "x = ".repeat(900)),
            format!("{}1", "a of ".repeat(700)),
            "1".repeat(4001),
        ];
        for expression in deep {
            assert!(check(&expression).is_err(), "{expression}");
        }
        assert!(check(&format!("1{}", " + 1 - 2".repeat(400))).is_ok(), "a long sum is no deep expression");
    }
}
