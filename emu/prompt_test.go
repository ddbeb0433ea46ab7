// SPDX-License-Identifier: Apache-2.0

package emu

import "testing"

// promptEnd is where in s a prompt is complete, counted in bytes, 0 for nowhere.
func promptEnd(s string) int {
	var p Prompt
	for i := range len(s) {
		if p.Next(s[i]) {
			return i + 1
		}
	}
	return 0
}

func TestPrompt(t *testing.T) {
	for _, s := range []string{
		"$ ",
		"# ",
		"\r\n$ ",
		"init: Setting console log level to 5...\r\n$ ",
		"/ # ",
		"~ $ ",
		"root@host:/tmp# ",
		"[root@host ~]# ",
		"\x1b[?2004h$ ",
		"\x1b[1;32mroot@host\x1b[0m:\x1b[34m/\x1b[0m# ",
		"\x1bM$ ",
	} {
		// The bracketed kind has two words: it is not worth the risk of log lines.
		want := len(s)
		if s == "[root@host ~]# " {
			want = 0
		}
		if got := promptEnd(s); got != want {
			t.Errorf("%q: prompt at %d, want %d", s, got, want)
		}
	}
	for _, s := range []string{
		"",
		"$",
		" $ ",
		"costs 5 $ ",
		"[    0.063321] # ",
		"[x$ ",
		"# comment"[:1] + "comment",
		"a b# ",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$ ",
		"\x1b[$ ", // an unfinished sequence, ended by the space's successor
	} {
		if got := promptEnd(s); got != 0 {
			t.Errorf("%q: prompt at %d, want none", s, got)
		}
	}
}
