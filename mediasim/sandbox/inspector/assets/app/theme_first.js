// Before anything is painted: the theme that was chosen here last, if any.
try {
  const chosen = localStorage.getItem("mediasim-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // No storage: the system's theme it is.
}
