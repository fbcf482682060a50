# Completion of kubectl-eck for PowerShell.

Register-ArgumentCompleter -Native -CommandName 'kubectl-eck', 'kubectl-eck.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Pass the words up to the cursor without their quotes. Nothing in them is run.
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        })
    $program, $before = $words
    if (-not $program) { return }
    $current = $wordToComplete -replace '^["'']', ''

    # PowerShell before 7.3 drops an empty argument unless it is quoted again.
    $passed = $current
    if ($passed -eq '' -and ($PSVersionTable.PSVersion -lt [version]'7.3' -or
            $PSNativeCommandArgumentPassing -eq 'Legacy')) { $passed = '""' }
    $lines = @($null | & $program __complete @($before) $passed 2>$null)
    if ($lines.Count -eq 0) { return }

    # In --flag=value only the value is completed, but PowerShell replaces the whole word.
    $flag = if ($current -match '^--[^=]*=') { $Matches[0] } else { '' }
    if ($lines[-1] -eq ':0') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($current.Substring($flag.Length)) |
            ForEach-Object {
                [System.Management.Automation.CompletionResult]::new(
                    $flag + $_.CompletionText, $_.ListItemText, $_.ResultType, $_.ToolTip)
            }
        return
    }
    $lines | Select-Object -SkipLast 1 | ForEach-Object {
        $value, $description = $_ -split "`t", 2
        $text = $flag + $value
        if ($text -match '[\s,@]') { $text = "'$text'" }
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $description)
    }
}
