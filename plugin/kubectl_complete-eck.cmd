@kubectl-eck.exe __complete %*
