//! The fixed answer of `scripted-markdown`: everything a page must be able to show.

/// Headings, lists, a table, a quotation, code in several languages, a long line and inline marks.
pub(crate) const MARKDOWN: &str = r#"# A tour of Markdown

A paragraph with **bold**, *italic*, ~~struck~~ and `inline code`, and a [link to an example](https://example.com/).

## Lists

1. First, numbered
2. Second
   - nested, with a dash
   - another, with 漢字 and 👩‍💻
3. Third

- [x] a task that is done
- [ ] a task that is not

## A table

| Language | Typed | Since |
|:---------|:-----:|------:|
| Rust     | yes   |  2015 |
| Python   | no    |  1991 |
| SQL      | some  |  1974 |

> A quotation, over
> two lines.

## Code

```rust
/// Counts the vowels of a text.
fn vowels(text: &str) -> usize {
    text.chars().filter(|c| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u')).count()
}
```

```python
def fibonacci(n: int) -> list[int]:
    """The first n numbers."""
    numbers = [0, 1]
    while len(numbers) < n:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers[:n]
```

```typescript
export const greet = (name: string): string => `Hello, ${name}!` // <script>alert(1)</script>
```

```sql
SELECT role, count(*) AS messages FROM messages GROUP BY role ORDER BY messages DESC;
```

```
a block without a language, with a very long line that goes on and on and on and on and on and on and on and on and on and on and on and on and on until it must scroll
```

### A long word

Pneumonoultramicroscopicsilicovolcanoconiosis_Donaudampfschifffahrtsgesellschaftskapitaen_0123456789_abcdefghijklmnopqrstuvwxyz

---

That is all.
"#;
