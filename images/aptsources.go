// SPDX-License-Identifier: Apache-2.0

package images

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// archive is one Debian archive that the system's apt knows, as described in
// sources.list(5).
type archive struct {
	uris       []string
	suites     []string
	components []string
	signedBy   string // path of a keyring, or a key itself over several lines; may be empty
}

// systemArchives reads apt's sources under etc, which is "/etc/apt" but for tests.
// What cannot be read or understood is left out.
func systemArchives(etc string) []archive {
	var all []archive
	if b, err := os.ReadFile(filepath.Join(etc, "sources.list")); err == nil {
		all = append(all, parseOneLine(string(b))...)
	}
	parts, _ := os.ReadDir(filepath.Join(etc, "sources.list.d")) // sorted by name
	for _, p := range parts {
		b, err := os.ReadFile(filepath.Join(etc, "sources.list.d", p.Name()))
		if err != nil {
			continue
		}
		switch filepath.Ext(p.Name()) {
		case ".list":
			all = append(all, parseOneLine(string(b))...)
		case ".sources":
			all = append(all, parseDeb822(string(b))...)
		}
	}
	return all
}

// parseOneLine reads the format of sources.list: deb [options] uri suite component...
func parseOneLine(text string) []archive {
	var all []archive
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '\t' && rest[0] != '[' {
			continue
		}
		rest = strings.TrimSpace(rest)
		var a archive
		if strings.HasPrefix(rest, "[") {
			opts, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				continue
			}
			rest = after
			for _, opt := range strings.Fields(opts) {
				if v, ok := strings.CutPrefix(opt, "signed-by="); ok {
					a.signedBy = v
				}
			}
		}
		f := strings.Fields(rest)
		if len(f) < 3 {
			continue
		}
		a.uris, a.suites, a.components = f[:1], f[1:2], f[2:]
		all = append(all, a)
	}
	return all
}

// parseDeb822 reads the format of .sources files: stanzas of "Field: value", with
// continuation lines that begin with white space.
func parseDeb822(text string) []archive {
	var all []archive
	for _, st := range parseStanzas(text) {
		types := strings.Fields(st["types"])
		if !slices.Contains(types, "deb") || isNo(st["enabled"]) {
			continue
		}
		a := archive{
			uris:       strings.Fields(st["uris"]),
			suites:     strings.Fields(st["suites"]),
			components: strings.Fields(st["components"]),
			signedBy:   st["signed-by"],
		}
		if len(a.uris) == 0 || len(a.suites) == 0 || len(a.components) == 0 {
			continue
		}
		all = append(all, a)
	}
	return all
}

// isNo says whether apt takes a value for false.
func isNo(v string) bool {
	switch strings.ToLower(v) {
	case "no", "false", "without", "off", "disable":
		return true
	}
	return false
}

// parseStanzas reads the control-file format: stanzas divided by blank lines. The
// names of the fields are in lower case; a value over several lines keeps its
// line breaks, and its lines lose their indentation.
func parseStanzas(text string) []map[string]string {
	var all []map[string]string
	var cur map[string]string
	field := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			cur, field = nil, ""
		case line[0] == ' ' || line[0] == '\t':
			if field != "" {
				cur[field] += "\n" + strings.TrimSpace(line)
			}
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				field = ""
				continue
			}
			if cur == nil {
				cur = map[string]string{}
				all = append(all, cur)
			}
			field = strings.ToLower(strings.TrimSpace(name))
			cur[field] = strings.TrimSpace(value)
		}
	}
	return all
}

// debianArchive picks, among the archives that the system knows, the one that
// carries all of Debian's suites: the one the system itself was installed from.
// Codename is the release of the system, as in os-release(5).
func debianArchive(all []archive, codename string) (archive, bool) {
	best, bestScore := archive{}, 0
	for _, a := range all {
		if !slices.Contains(a.components, "main") {
			continue
		}
		score := 0
		for _, uri := range a.uris {
			// Mirrors of the main archive are conventionally named so; the
			// security archive, and those of third parties, are not.
			if strings.HasSuffix(strings.TrimRight(uri, "/"), "/debian") {
				score += 2
			}
		}
		if codename != "" && slices.Contains(a.suites, codename) {
			score++
		}
		if slices.ContainsFunc(a.suites, func(s string) bool { return strings.HasSuffix(s, "-security") || strings.HasSuffix(s, "/updates") }) {
			score = 0
		}
		if score > bestScore {
			best, bestScore = a, score
		}
	}
	// A codename alone is no sign of Debian: the distributions made from it have
	// theirs, and a mirror of another layout needs --mirror.
	return best, bestScore >= 2
}

// osCodename returns VERSION_CODENAME of os-release(5), or "".
func osCodename(osRelease string) string {
	for line := range strings.Lines(osRelease) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}
