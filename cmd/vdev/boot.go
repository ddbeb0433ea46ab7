// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"vdev/emu"
)

var _ = fmt.Sprint

func newBootCmd() *cobra.Command {
	var f machineFlags
	cmd := &cobra.Command{Use: "boot", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, d, err := f.config("")
			if err != nil {
				return err
			}
			defer d.Close()
			c.ConsoleOut = func(p []byte) { os.Stdout.Write(p) }
			c.Log = func(s string) { fmt.Fprintln(os.Stderr, "vdev:", s) }
			m, err := emu.New(c)
			if err != nil {
				return err
			}
			r := m.Run(cmd.Context())
			fmt.Fprintln(os.Stderr, r, m.Retired(), m.Now(), m.Digest())
			if r.Status != 0 {
				return &statusError{status: r.Status}
			}
			return nil
		}}
	f.register(cmd.Flags())
	return cmd
}
