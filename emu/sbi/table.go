// SPDX-License-Identifier: Apache-2.0

package sbi

// Extension is one SBI extension and all of its functions that exist.
type Extension struct {
	Name      string
	EID       uint64
	Legacy    bool // has one function, no FID, and a result in a0 only
	Functions []Function
}

// Function is one SBI function.
type Function struct {
	FID  uint64
	Name string   // the specification's, without the "sbi_" and extension prefix
	Args []string // the specification's names of a0 onwards

	call func(f *Firmware, hart int, args [6]uint64) Ret
}

// lastLegacyEID ends the range of extension ids that legacy functions use (5).
const lastLegacyEID = 0x0f

// Extensions returns a fresh copy of the table of everything the firmware offers.
//
// Of the legacy functions only those are here that a console or a clock of very
// early code uses. The others take hart masks through virtual addresses, and have
// been replaced since 2019.
func Extensions() []Extension {
	mask := []string{"hart_mask", "hart_mask_base"}
	rng := append(mask[:2:2], "start_addr", "size")
	buf := []string{"num_bytes", "base_addr_lo", "base_addr_hi"}
	return []Extension{
		{Name: "legacy_set_timer", EID: 0x00, Legacy: true, Functions: []Function{
			{0, "set_timer", []string{"stime_value"}, (*Firmware).setTimer},
		}},
		{Name: "legacy_console_putchar", EID: 0x01, Legacy: true, Functions: []Function{
			{0, "console_putchar", []string{"ch"}, (*Firmware).legacyPutchar},
		}},
		{Name: "legacy_console_getchar", EID: 0x02, Legacy: true, Functions: []Function{
			{0, "console_getchar", nil, (*Firmware).legacyGetchar},
		}},
		{Name: "legacy_shutdown", EID: 0x08, Legacy: true, Functions: []Function{
			{0, "shutdown", nil, (*Firmware).legacyShutdown},
		}},
		{Name: "base", EID: 0x10, Functions: []Function{
			{0, "get_spec_version", nil, constant(specVersion)},
			{1, "get_impl_id", nil, constant(implID)},
			{2, "get_impl_version", nil, constant(implVersion)},
			{3, "probe_extension", []string{"extension_id"}, (*Firmware).probe},
			{4, "get_mvendorid", nil, constant(0)},
			{5, "get_marchid", nil, constant(0)},
			{6, "get_mimpid", nil, constant(0)},
		}},
		{Name: "time", EID: 0x54494d45, Functions: []Function{
			{0, "set_timer", []string{"stime_value"}, (*Firmware).setTimer},
		}},
		{Name: "ipi", EID: 0x735049, Functions: []Function{
			{0, "send_ipi", mask, (*Firmware).sendIPI},
		}},
		{Name: "rfence", EID: 0x52464e43, Functions: []Function{
			{0, "remote_fence_i", mask, (*Firmware).remoteFenceI},
			{1, "remote_sfence_vma", rng, (*Firmware).remoteSFenceVMA},
			{2, "remote_sfence_vma_asid", append(rng[:4:4], "asid"), (*Firmware).remoteSFenceVMAASID},
			// These need the H extension, which the harts do not have.
			{3, "remote_hfence_gvma_vmid", append(rng[:4:4], "vmid"), notSupported},
			{4, "remote_hfence_gvma", rng, notSupported},
			{5, "remote_hfence_vvma_asid", append(rng[:4:4], "asid"), notSupported},
			{6, "remote_hfence_vvma", rng, notSupported},
		}},
		{Name: "hsm", EID: 0x48534d, Functions: []Function{
			{0, "hart_start", []string{"hartid", "start_addr", "opaque"}, (*Firmware).hartStart},
			{1, "hart_stop", nil, (*Firmware).hartStop},
			{2, "hart_get_status", []string{"hartid"}, (*Firmware).hartStatus},
			{3, "hart_suspend", []string{"suspend_type", "resume_addr", "opaque"}, (*Firmware).hartSuspend},
		}},
		{Name: "srst", EID: 0x53525354, Functions: []Function{
			{0, "system_reset", []string{"reset_type", "reset_reason"}, (*Firmware).systemReset},
		}},
		{Name: "dbcn", EID: 0x4442434e, Functions: []Function{
			{0, "console_write", buf, (*Firmware).consoleWrite},
			{1, "console_read", buf, (*Firmware).consoleRead},
			{2, "console_write_byte", []string{"byte"}, (*Firmware).consoleWriteByte},
		}},
	}
}
