// SPDX-License-Identifier: Apache-2.0

// Package fimd models the FIMD, the display controller of Samsung's Exynos 4, that
// Linux drives with drivers/gpu/drm/exynos/exynos_drm_fimd.c
// ("samsung,exynos4210-fimd").
package fimd
