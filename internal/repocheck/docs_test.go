// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// hostPath matches paths of somebody's machine: home directories anywhere, and in
// documentation also where people keep their checkouts and scratch files.
var (
	hostPath    = regexp.MustCompile(`(^|[^\w./~-])/(root|work|home/\w+|Users/\w+)/[\w.-]`)
	hostPathDoc = regexp.MustCompile(`(^|[^\w./~-])/(root|work|tmp|home/\w+|Users/\w+)(/|\b)`)
)

func isDoc(f *file) bool { return path.Ext(f.path) == ".md" }

func hostPathRule() rule {
	return rule{
		name: "no paths of one machine",
		check: func(t *tree) []finding {
			var found []finding
			for _, f := range t.files {
				if under(f.path, "internal/repocheck") { // the samples below
					continue
				}
				re := hostPath
				if isDoc(f) {
					re = hostPathDoc
				}
				n := 0
				for line := range strings.Lines(string(f.text)) {
					n++
					if m := re.FindString(line); m != "" {
						found = append(found, finding{f.path, n, fmt.Sprintf("%q is a path of one machine", strings.TrimSpace(m))})
					}
				}
			}
			return found
		},
		bad: []sample{
			{"in code", one("a/a.go", "package a\n\nconst x = \"/root/.cache\"\n"), "a/a.go:3:"},
			{"in a comment", one("a/a.go", "package a\n\n// See /work/main for more.\n"), "a/a.go:3:"},
			{"in documentation", one("docs/a.md", "Run it:\n\n    ls /tmp/x\n"), "docs/a.md:3:"},
			{"home", one("Makefile", "X = /home/me/src\n"), "Makefile:1:"},
		},
		good: []sample{
			{"others", map[string]string{
				"guest/agent/a.go": "package main\n\nconst x = \"/tmp/vdev-exec\"\n\nconst y = \"mnt/root/a\"\n",
				"docs/a.md":        "See [the work](../work/a) in `~/work/x`, or https://example.org/work/x.\n",
			}, ""},
		},
	}
}

var (
	mdLink  = regexp.MustCompile(`\[[^\]]*\]\(([^()\s]+)(?:\s+"[^"]*")?\)`)
	mdCode  = regexp.MustCompile("`[^`]*`")
	mdTitle = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*\s*$`)
)

// mdLines yields the lines of a Markdown text that are not code, by number.
func mdLines(text string) map[int]string {
	lines := map[int]string{}
	n, fence := 0, false
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fence = !fence
			continue
		}
		if !fence {
			lines[n] = line
		}
	}
	return lines
}

// anchors are the names of the headings of a Markdown text, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, line := range mdLines(text) {
		m := mdTitle.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				b.WriteRune(r)
			case r == ' ':
				b.WriteByte('-')
			}
		}
		all = append(all, b.String())
	}
	return all
}

func linkRule() rule {
	return rule{
		name: "links lead somewhere",
		check: func(t *tree) []finding {
			text := map[string]string{}
			dirs := map[string]bool{".": true}
			for _, f := range t.files {
				text[f.path] = string(f.text)
				for d := f.dir(); d != "."; d = path.Dir(d) {
					dirs[d] = true
				}
			}
			var found []finding
			for _, f := range t.files {
				if !isDoc(f) {
					continue
				}
				for n, line := range mdLines(string(f.text)) {
					for _, m := range mdLink.FindAllStringSubmatch(mdCode.ReplaceAllString(line, ""), -1) {
						if msg := linkFault(f, m[1], text, dirs); msg != "" {
							found = append(found, finding{f.path, n, fmt.Sprintf("link %s %s", m[1], msg)})
						}
					}
				}
			}
			return found
		},
		bad: []sample{
			{"no such file", one("docs/a.md", "See [b](b.md).\n"), "docs/a.md:1: link b.md leads nowhere"},
			{"outside", one("a.md", "See [b](../b.md).\n"), "a.md:1: link ../b.md leads nowhere"},
			{"no such heading", map[string]string{"a.md": "See [b](b.md#two).\n", "b.md": "# One\n"}, "link b.md#two has no such heading"},
			{"not on this page", one("a.md", "# One\n\nSee [b](#two).\n"), "a.md:3: link #two has no such heading"},
			{"heading in code", one("a.md", "[x](#one)\n\n```\n# One\n```\n"), "link #one has no such heading"},
			{"absolute", one("a.md", "[x](/docs/a.md)\n"), "is absolute"},
		},
		good: []sample{
			{"all kinds", map[string]string{
				"README.md": "# vdev\n\n## Two words, or more\n\n[a](docs/a.md), [d](docs), [h](#two-words-or-more \"title\"), [w](https://example.org/x#y), `[code](none)`\n",
				"docs/a.md": "```\n[code](none.md)\n```\n[up](../README.md#vdev), [source](../emu/x.go)\n",
				"emu/x.go":  "package emu\n",
			}, ""},
		},
	}
}

func linkFault(f *file, target string, text map[string]string, dirs map[string]bool) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return "is malformed"
	case u.Scheme != "":
		return ""
	case strings.HasPrefix(u.Path, "/"):
		return "is absolute"
	}
	to := f.path
	if u.Path != "" {
		to = path.Join(f.dir(), u.Path)
	}
	page, ok := text[to]
	if !ok && !dirs[to] {
		return "leads nowhere"
	}
	if u.Fragment != "" && !slices.Contains(anchors(page), u.Fragment) {
		return "has no such heading"
	}
	return ""
}

// mapPage is the page that says what every package is for.
const mapPage = "docs/architecture.md"

// mapRow matches the first column of a row of its table.
var (
	mapRow  = regexp.MustCompile("^\\| (`[^|]*`) \\|")
	mapName = regexp.MustCompile("`([^`]*)`")
)

func packageMapRule() rule {
	return rule{
		name: "the map of packages is complete",
		check: func(t *tree) []finding {
			var page string
			dirs := map[string]bool{}
			for _, f := range t.files {
				if f.path == mapPage {
					page = string(f.text)
				}
				if f.ast != nil {
					dirs[f.dir()] = true
				}
			}
			var found []finding
			mapped := map[string]bool{}
			for n, line := range mdLines(page) {
				row := mapRow.FindStringSubmatch(line)
				if row == nil {
					continue
				}
				for _, m := range mapName.FindAllStringSubmatch(row[1], -1) {
					mapped[m[1]] = true
					if strings.Contains(m[1], "/") && !dirs[m[1]] {
						found = append(found, finding{mapPage, n, fmt.Sprintf("there is no package `%s`", m[1])})
					}
				}
			}
			for _, dir := range sortedKeys(dirs) {
				if !mapped[dir] {
					found = append(found, finding{mapPage, 0, fmt.Sprintf("package `%s` is not mentioned", dir)})
				}
			}
			return found
		},
		bad: []sample{
			{"missing", map[string]string{mapPage: "| `emu` | machine |\n", "emu/a.go": "package emu\n", "emu/mem/a.go": "package mem\n"},
				"package `emu/mem` is not mentioned"},
			{"only in passing", map[string]string{mapPage: "See `emu`.\n", "emu/a.go": "package emu\n"}, "package `emu` is not mentioned"},
			{"only tests", one("emu/a_test.go", "package emu\n"), "package `emu` is not mentioned"},
			{"gone", map[string]string{mapPage: "| `emu`, `emu/old` | machine |\n", "emu/a.go": "package emu\n"},
				"docs/architecture.md:1: there is no package `emu/old`"},
		},
		good: []sample{
			{"there", map[string]string{mapPage: "| `emu`, `mmio/x` | machine |\n\n| `kernel` | no package |\n",
				"emu/a.go": "package emu\n", "mmio/x/a.go": "package x\n"}, ""},
		},
	}
}
