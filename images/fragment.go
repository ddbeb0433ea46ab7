// SPDX-License-Identifier: Apache-2.0

package images

import (
	"fmt"
	"strings"
)

// symbol is one setting of a kernel configuration: value is as in a .config file,
// "n" for an option that is not set.
type symbol struct {
	name  string
	value string
}

// parseConfig reads the settings of a kernel configuration or a fragment of one.
func parseConfig(text string) ([]symbol, error) {
	var all []symbol
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if off, ok := strings.CutPrefix(line, "# CONFIG_"); ok {
			if name, ok := strings.CutSuffix(off, " is not set"); ok {
				all = append(all, symbol{"CONFIG_" + name, "n"})
			}
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || !strings.HasPrefix(name, "CONFIG_") || strings.ContainsAny(name, " \t") || value == "" {
			return nil, fmt.Errorf("line %d is no setting: %q", n, line)
		}
		all = append(all, symbol{name, value})
	}
	return all, nil
}

// lostSymbols returns the settings of a fragment that a configuration does not
// have, each as "CONFIG_X=wanted (is actual)". Kconfig drops what it does not know,
// and what depends on something that is off, without a word.
func lostSymbols(fragment, config string) ([]string, error) {
	want, err := parseConfig(fragment)
	if err != nil {
		return nil, fmt.Errorf("configuration fragment: %w", err)
	}
	have, err := parseConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kernel configuration: %w", err)
	}
	actual := make(map[string]string, len(have))
	for _, s := range have {
		actual[s.name] = s.value
	}
	var lost []string
	for _, s := range want {
		got, ok := actual[s.name]
		if !ok {
			got = "n"
		}
		if got != s.value {
			lost = append(lost, fmt.Sprintf("%s=%s (is %s)", s.name, s.value, got))
		}
	}
	return lost, nil
}
