// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"fmt"
	"strings"

	"vdev/guest/tests/internal/prog"
)

// Main is the program scenario, and the children that it starts.
func Main() {
	runChild()
	var names []string
	for _, s := range All() {
		line := s.Name
		if len(s.Flags) > 0 {
			line += " (vdev exec " + strings.Join(s.Flags, " ") + ")"
		}
		names = append(names, line)
	}
	prog.Main(names, func(name string, broken bool) (bool, error) {
		right, notes, err := run(name, broken)
		if err == nil {
			fmt.Println(strings.Join(append(append([]string{name}, notes...), prog.Word(right)), " "))
		}
		return right, err
	})
}
