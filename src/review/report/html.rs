//! A page that needs nothing beside it.

use std::fmt::Write as _;

use crate::colours::Colours;
use crate::review::figure::{escape, inline};

/// A page in the making.
pub(super) struct Html(String);

/// What a cell of a table is.
pub(super) enum Cell {
    /// Words, to the left.
    Text(String),
    /// Figures, to the right.
    Number(String),
    /// Words in figures of one width: sums, hashes.
    Code(String),
    /// Words that stay on one line: times.
    Short(String),
    /// Made already.
    Raw(String),
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn number(written: impl Into<String>) -> Self {
        Self::Number(written.into())
    }

    pub fn count(count: u64) -> Self {
        Self::Number(count.to_string())
    }
}

impl Html {
    /// Begins it.
    pub fn new(title: &str) -> Self {
        let mut page = Self(String::new());
        let _ = write!(
            page.0,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n",
            escape(title),
            colours()
        );
        page
    }

    pub fn finish(mut self) -> String {
        self.0.push_str("</body>\n</html>\n");
        self.0
    }

    /// An element with a text.
    pub fn say(&mut self, tag: &str, text: &str) {
        let _ = writeln!(self.0, "<{tag}>{}</{tag}>", escape(text));
    }

    /// A paragraph that explains.
    pub fn explain(&mut self, text: &str) {
        let _ = writeln!(self.0, "<p class=\"muted\">{}</p>", escape(text));
    }

    /// A part of the page, which begins a sheet where it is printed.
    pub fn section(&mut self, id: &str, title: &str, content: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.0, "<section id=\"{id}\">\n<h2>{}</h2>", escape(title));
        content(self);
        self.0.push_str("</section>\n");
    }

    /// Content in a box of a class.
    pub fn div(&mut self, class: &str, content: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.0, "<div class=\"{class}\">");
        content(self);
        self.0.push_str("</div>\n");
    }

    /// A list.
    pub fn list(&mut self, items: &[String]) {
        self.0.push_str("<ul>\n");
        items.iter().for_each(|item| self.say("li", item));
        self.0.push_str("</ul>\n");
    }

    /// A figure, on its own light ground in either theme.
    pub fn figure(&mut self, svg: &str, caption: &str) {
        let _ = writeln!(
            self.0,
            "<figure>\n{}<figcaption>{}</figcaption>\n</figure>",
            inline(svg),
            escape(caption)
        );
    }

    /// A table; the first cell of each row names it. Headings are left where the first row has words.
    pub fn table(&mut self, caption: &str, head: &[&str], rows: &[Vec<Cell>]) {
        self.0.push_str("<table>\n");
        if !caption.is_empty() {
            self.say("caption", caption);
        }
        if !head.is_empty() {
            self.0.push_str("<thead><tr>");
            for (i, name) in head.iter().enumerate() {
                let is_number = rows
                    .first()
                    .and_then(|r| r.get(i))
                    .is_some_and(|c| matches!(c, Cell::Number(_)));
                let class = if is_number { " class=\"n\"" } else { "" };
                let _ = write!(self.0, "<th scope=\"col\"{class}>{}</th>", escape(name));
            }
            self.0.push_str("</tr></thead>\n");
        }
        self.0.push_str("<tbody>\n");
        for row in rows {
            self.0.push_str("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let (tag, scope) = match i {
                    0 => ("th", " scope=\"row\""),
                    _ => ("td", ""),
                };
                let (class, text) = match cell {
                    Cell::Text(text) => ("", escape(text)),
                    Cell::Number(text) => (" class=\"n\"", escape(text)),
                    Cell::Code(text) => (" class=\"c\"", escape(text)),
                    Cell::Short(text) => (" class=\"s\"", escape(text)),
                    Cell::Raw(made) => ("", made.clone()),
                };
                let _ = write!(self.0, "<{tag}{scope}{class}>{text}</{tag}>");
            }
            self.0.push_str("</tr>\n");
        }
        self.0.push_str("</tbody>\n</table>\n");
    }
}

/// A JPEG in the page itself.
pub(super) fn picture(jpeg: &[u8], alt: &str) -> String {
    format!(
        "<img alt=\"{}\" src=\"data:image/jpeg;base64,{}\">",
        escape(alt),
        base64(jpeg)
    )
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            // n bytes fill n + 1 digits.
            out.push(match i <= three.len() {
                true => char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]),
                false => '=',
            });
        }
    }
    out
}

/// The program's colours: light, on screens that are dark dark, and light on paper.
fn colours() -> String {
    let of = |c: &Colours| {
        format!(
            "--ground:#{:06x};--panel:#{:06x};--line:#{:06x};--text:#{:06x};--muted:#{:06x};--accent:#{:06x}",
            c.background, c.panel, c.line, c.text, c.muted, c.accent
        )
    };
    format!(
        ":root{{color-scheme:light;{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{}}}}}\n",
        of(&Colours::LIGHT),
        of(&Colours::DARK)
    )
}

const STYLE: &str = "\
*{box-sizing:border-box}
body{margin:2rem auto;max-width:56rem;padding:0 1.25rem;background:var(--ground);color:var(--text);\
font:15px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.5rem;margin:0}
h2{font-size:1.15rem;margin:0 0 .75rem}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p,ul{margin:.5rem 0}
ul{padding-left:1.25rem}
section{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:1.25rem;margin:1.25rem 0}
.muted,caption,figcaption,footer{color:var(--muted);font-size:.87rem}
.side{display:flex;flex-wrap:wrap;gap:0 2.5rem;align-items:flex-start}
table{border-collapse:collapse;margin:.75rem 0;font-size:.87rem}
caption{text-align:left;padding-bottom:.25rem}
th,td{padding:.3rem .9rem .3rem 0;text-align:left;vertical-align:top;font-weight:400;border-bottom:1px solid var(--line)}
thead th{color:var(--muted);white-space:nowrap}
tbody th{font-weight:600}
td{overflow-wrap:anywhere}
.s{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.c{font-family:ui-monospace,monospace;font-size:.75rem;word-break:break-all}
.wide table{width:100%}
figure{margin:1rem 0;background:#fff;border-radius:6px;padding:.5rem}
figure svg{display:block;width:100%;height:auto}
.matrix svg{max-width:36rem}
figcaption{color:#5d6875;padding:0 .5rem .25rem}
img{display:block;border-radius:4px;max-width:96px}
footer{margin:1.25rem 0}
@media print{
@page{size:A4;margin:15mm}
body{margin:0;max-width:none;padding:0;background:#fff;font-size:10pt}
section{border:0;padding:0;margin:0}
section+section{break-before:page}
h2,h3,caption,thead{break-after:avoid}
figure,tr,.keep{break-inside:avoid}
figure{margin:.5rem 0;padding:0}
th,td{padding:.12rem .7rem .12rem 0}
.matrix svg{max-width:27rem}
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn what_is_said_stays_text() {
        let mut page = Html::new("<title>");
        page.table("a&b", &["<i>"], &[vec![Cell::text("<script>")]]);
        let text = page.finish();
        assert!(text.contains("<title>&lt;title&gt;</title>"));
        assert!(
            text.contains("a&amp;b") && text.contains("&lt;i&gt;") && !text.contains("<script>")
        );
    }
}
